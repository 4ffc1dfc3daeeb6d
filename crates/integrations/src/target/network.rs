//! Networks, and which addresses are public.
//!
//! Sources: the IANA registries of special-purpose IPv4 and IPv6 addresses (RFC 6890 and what updates it), RFC 6052 and RFC 8215
//! (NAT64), RFC 7526 (6to4 is over).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A list of networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// What is not a list of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write addresses or networks, separated by commas: 10.1.0.0/16,fd00:7::/32")]
pub struct InvalidNetworks;

impl std::str::FromStr for Networks {
    type Err = InvalidNetworks;

    fn from_str(text: &str) -> Result<Self, InvalidNetworks> {
        let network = |part: &str| {
            let address = || part.parse().ok().map(IpAddr::into);
            part.parse().ok().or_else(address).ok_or(InvalidNetworks)
        };
        text.split(',')
            .map(str::trim)
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Networks {
    /// Whether `address` is in one of them.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: u16, second: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), length)
}

/// IPv4 that is not public.
const NOT_PUBLIC_V4: [Ipv4Net; 17] = [
    v4(0, 0, 0, 0, 8),          // this network
    v4(10, 0, 0, 0, 8),         // private
    v4(100, 64, 0, 0, 10),      // shared by carriers (CGNAT)
    v4(127, 0, 0, 0, 8),        // loopback
    v4(168, 63, 129, 16, 32),   // a cloud's own services, on an address that looks public
    v4(169, 254, 0, 0, 16),     // link-local, and the metadata of clouds
    v4(172, 16, 0, 0, 12),      // private
    v4(192, 0, 0, 0, 24),       // protocol assignments
    v4(192, 0, 2, 0, 24),       // documentation
    v4(192, 88, 99, 0, 24),     // relays of 6to4
    v4(192, 168, 0, 0, 16),     // private
    v4(198, 18, 0, 0, 15),      // benchmarks
    v4(198, 51, 100, 0, 24),    // documentation
    v4(203, 0, 113, 0, 24),     // documentation
    v4(224, 0, 0, 0, 4),        // multicast
    v4(240, 0, 0, 0, 4),        // reserved
    v4(255, 255, 255, 255, 32), // broadcast
];

/// All of IPv6 that is public is in here (RFC 4291) …
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);

/// … but for this.
const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 23),     // protocol assignments, Teredo among them
    v6(0x2001, 0xdb8, 32), // documentation
    v6(0x2002, 0, 16),     // 6to4, which carries any IPv4 address
    v6(0x3fff, 0, 20),     // documentation
];

/// The prefix behind which NAT64 finds IPv4 addresses.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);

/// The IPv4 address that `address` stands for: mapped (`::ffff:0:0/96`), or behind NAT64 (`64:ff9b::/96`).
pub(super) fn embedded_ipv4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let behind_nat64 = || {
        let [.., a, b, c, d] = address.octets();
        NAT64.contains(&address).then(|| Ipv4Addr::new(a, b, c, d))
    };
    address.to_ipv4_mapped().or_else(behind_nat64)
}

/// Whether `address` is public as it stands, looked at without what it may carry.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !NOT_PUBLIC_V6.iter().any(|network| network.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TargetRules;
    use super::*;
    use proptest::prelude::*;

    /// Private and special by the standard library's own words, which do not come from the table above.
    fn is_special(address: Ipv4Addr) -> bool {
        let [a, b, ..] = address.octets();
        address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_multicast()
            || address.is_broadcast()
            || address.is_documentation()
            || address.is_unspecified()
            || a == 0
            || (a == 100 && (64..128).contains(&b))
            || (a == 198 && (b == 18 || b == 19))
            || a >= 240
    }

    /// Addresses, the special ones far more often than by chance.
    fn any_v4() -> impl Strategy<Value = Ipv4Addr> {
        let network = prop::sample::select(NOT_PUBLIC_V4.to_vec());
        let near = (network, any::<u32>(), any::<bool>()).prop_map(|(network, bits, inside)| {
            let host = bits & u32::from(network.hostmask());
            let base = u32::from(network.network());
            let edge = if inside { base | host } else { base.wrapping_sub(1) };
            Ipv4Addr::from_bits(edge)
        });
        prop_oneof![near, any::<u32>().prop_map(Ipv4Addr::from_bits)]
    }

    proptest! {
        #[test]
        fn no_special_address_is_permitted_in_any_dress(address in any_v4()) {
            let rules = TargetRules::default();
            let public = rules.permits(address.into());
            prop_assert!(!(public && is_special(address)), "{address}");
            let [a, b, c, d] = address.octets();
            let low = |first: u8, second: u8| u16::from_be_bytes([first, second]);
            let mapped = address.to_ipv6_mapped();
            let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, low(a, b), low(c, d));
            prop_assert_eq!(rules.permits(mapped.into()), public);
            prop_assert_eq!(rules.permits(nat64.into()), public);
            // What carries an IPv4 address in other ways is not public, whatever it carries.
            let compatible = Ipv6Addr::new(0, 0, 0, 0, 0, 0, low(a, b), low(c, d));
            let six_to_four = Ipv6Addr::new(0x2002, low(a, b), low(c, d), 0, 0, 0, 0, 1);
            let teredo = Ipv6Addr::new(0x2001, 0, low(a, b), low(c, d), 0, 0, !low(a, b), !low(c, d));
            let local_nat64 = Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, low(a, b), low(c, d));
            for carrier in [compatible, six_to_four, teredo, local_nat64] {
                prop_assert!(!rules.permits(carrier.into()), "{carrier}");
            }
        }

        #[test]
        fn of_ipv6_only_global_unicast_is_permitted(bits in any::<u128>()) {
            let address = Ipv6Addr::from_bits(bits);
            let rules = TargetRules::default();
            if rules.permits(address.into()) {
                let special = address.is_loopback() || address.is_unspecified() || address.is_multicast()
                    || address.is_unique_local() || address.is_unicast_link_local();
                prop_assert!(!special, "{address}");
                prop_assert!(address.segments()[0] >> 13 == 1 || address.to_ipv4_mapped().is_some() || bits >> 96 == 0x64_ff9b);
            }
        }

        #[test]
        fn what_the_operator_allows_is_permitted_and_its_neighbours_are_not(last in 0..=255_u8) {
            let rules = TargetRules {
                allowed_networks: "10.20.30.0/24, fd00:7::/32".parse().unwrap(),
                allow_http: false,
            };
            let allowed = Ipv4Addr::new(10, 20, 30, last);
            prop_assert!(rules.permits(allowed.into()));
            prop_assert!(rules.permits(allowed.to_ipv6_mapped().into()));
            prop_assert!(!rules.permits(Ipv4Addr::new(10, 20, 31, last).into()));
            prop_assert!(rules.permits(Ipv6Addr::new(0xfd00, 7, 0, 0, 0, 0, 0, last.into()).into()));
            prop_assert!(!rules.permits(Ipv6Addr::new(0xfd00, 8, 0, 0, 0, 0, 0, last.into()).into()));
        }
    }

    #[test]
    fn known_addresses() {
        let permits = |text: &str| TargetRules::default().permits(text.parse().unwrap());
        for public in [
            "8.8.8.8",
            "200.147.3.157",
            "2606:4700::1111",
            "2800:3f0:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(permits(public), "{public}");
        }
        for inside in [
            "127.0.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "0.0.0.0",
            "::",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
            "::127.0.0.1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "100::1",
        ] {
            assert!(!permits(inside), "{inside}");
        }
        assert_eq!("10.0.0.0/33".parse::<Networks>(), Err(InvalidNetworks));
        assert_eq!("localhost".parse::<Networks>(), Err(InvalidNetworks));
        assert!(
            "10.1.2.3"
                .parse::<Networks>()
                .unwrap()
                .contain("10.1.2.3".parse().unwrap())
        );
    }
}
