//! Which addresses are of the public internet, and which others the operator allows. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// The ranges of IPv4 that are not of the public internet, as first address and length of the prefix: IANA's registry of
/// special-purpose addresses (RFC 6890 and what updates it), multicast (RFC 5771), the former relays of 6to4 (RFC 7526), and one that
/// looks public and is not.
const INWARD_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),     // "this network", where many systems find themselves
    (Ipv4Addr::new(10, 0, 0, 0), 8),    // private
    (Ipv4Addr::new(100, 64, 0, 0), 10), // shared by carriers
    (Ipv4Addr::new(127, 0, 0, 0), 8),   // this machine
    (Ipv4Addr::new(168, 63, 129, 16), 32), // a cloud's own services, for whoever runs in it
    (Ipv4Addr::new(169, 254, 0, 0), 16), // this link, and the metadata of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12), // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),  // of protocols
    (Ipv4Addr::new(192, 0, 2, 0), 24),  // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24), // former relays
    (Ipv4Addr::new(192, 168, 0, 0), 16), // private
    (Ipv4Addr::new(198, 18, 0, 0), 15), // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24), // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),   // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),   // reserved, and broadcast
];

/// The ranges of IPv6 inside 2000::/3 that are not of the public internet.
const INWARD_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // of protocols, Teredo (RFC 4380) among them
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4, which carries an IPv4 address that may be any
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation (RFC 9637)
];

/// Global unicast, outside of which nothing is public (RFC 4291).
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// IPv6 addresses that stand for IPv4 ones by a translator (NAT64, RFC 6052).
const TRANSLATED: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

const fn within_v4(address: Ipv4Addr, (network, length): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= length
}

const fn within_v6(address: Ipv6Addr, (network, length): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= length
}

/// The address that a packet to `address` ends at, as far as the address tells: the IPv4 address in a mapped (RFC 4291) or
/// translated (RFC 6052) one.
fn reached(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if within_v6(v6, TRANSLATED) => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        canonical => canonical,
    }
}

/// Whether `address` is of the public internet, and of nobody's inner network.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match reached(address) {
        IpAddr::V4(v4) => !INWARD_V4.iter().any(|range| within_v4(v4, *range)),
        IpAddr::V6(v6) => within_v6(v6, GLOBAL_UNICAST) && !INWARD_V6.iter().any(|range| within_v6(v6, *range)),
    }
}

/// Networks that may be reached though they are not public; none unless the operator says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedNetworks(Vec<IpNet>);

/// What is not a list of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write addresses or networks, separated by commas: 10.20.0.0/16,fd00:7::/64")]
pub struct InvalidNetworks;

impl FromStr for AllowedNetworks {
    type Err = InvalidNetworks;

    fn from_str(text: &str) -> Result<Self, InvalidNetworks> {
        let network = |part: &str| -> Result<IpNet, InvalidNetworks> {
            let network = part
                .parse()
                .or_else(|_not_a_network| part.parse::<IpAddr>().map(IpNet::from));
            network.or(Err(InvalidNetworks))
        };
        text.split(',')
            .map(str::trim)
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl AllowedNetworks {
    /// Whether the operator named none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the operator named a network with `address` in it.
    #[must_use]
    pub fn names(&self, address: IpAddr) -> bool {
        let reached = reached(address);
        self.0.iter().any(|network| network.contains(&reached))
    }

    /// Whether `address` may be called: it is public, or the operator named its network.
    #[must_use]
    pub fn permit(&self, address: IpAddr) -> bool {
        is_public(address) || self.names(address)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn what_leads_inward_is_known_in_every_dress() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "169.254.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.7",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.9",
            "203.0.113.200",
            "224.0.0.251",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:0808:0808::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
            "4000::1",
        ] {
            assert!(!public(text), "{text}");
        }
    }

    #[test]
    fn the_internet_is_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
            "3ffe::1",
        ] {
            assert!(public(text), "{text}");
        }
    }

    #[test]
    fn the_operator_may_name_networks() {
        let allowed: AllowedNetworks = "10.20.0.0/16, 127.0.0.1,fd00:7::/64".parse().unwrap();
        for (text, permitted) in [
            ("10.20.3.4", true),
            ("::ffff:10.20.3.4", true),
            ("64:ff9b::10.20.3.4", true),
            ("10.21.0.1", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("fd00:7::9", true),
            ("fd00:8::9", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(allowed.permit(text.parse().unwrap()), permitted, "{text}");
        }
        assert!(!allowed.names("8.8.8.8".parse().unwrap()));
        for text in ["", "10.0.0.0/33", "10.0.0", "10.0.0.1,", "example.org"] {
            assert_eq!(text.parse::<AllowedNetworks>(), Err(InvalidNetworks), "{text}");
        }
    }

    /// The same by octets, as the standards write it.
    fn by_octets([a, b, c, d]: [u8; 4]) -> bool {
        !(matches!(a, 0 | 10 | 127 | 224..=255)
            || (a == 100 && b / 64 == 1)
            || (a == 169 && b == 254)
            || (a == 172 && b / 16 == 1)
            || (a == 192 && b == 168)
            || (a == 198 && b / 2 == 9)
            || [a, b, c, d] == [168, 63, 129, 16]
            || matches!(
                (a, b, c),
                (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113)
            ))
    }

    /// Addresses near those that matter as often as any others.
    fn octets() -> impl Strategy<Value = [u8; 4]> {
        let first = prop_oneof![
            any::<u8>(),
            prop::sample::select(vec![0, 10, 100, 127, 168, 169, 172, 192, 198, 203, 224, 255])
        ];
        let second = prop_oneof![
            any::<u8>(),
            prop::sample::select(vec![0, 15, 16, 18, 19, 31, 51, 63, 64, 88, 127, 168, 254])
        ];
        let third = prop_oneof![any::<u8>(), prop::sample::select(vec![0, 2, 99, 100, 113, 129])];
        let fourth = prop_oneof![any::<u8>(), Just(16)];
        (first, second, third, fourth).prop_map(|(a, b, c, d)| [a, b, c, d])
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_judged_by_its_octets(octets in octets()) {
            prop_assert_eq!(is_public(IpAddr::from(octets)), by_octets(octets));
        }

        #[test]
        fn an_ipv4_address_is_the_same_in_every_dress(octets in octets()) {
            let v4 = Ipv4Addr::from(octets);
            let mapped = IpAddr::V6(v4.to_ipv6_mapped());
            let translated = IpAddr::V6(Ipv6Addr::from_bits(TRANSLATED.0.to_bits() | u128::from(v4.to_bits())));
            prop_assert_eq!(is_public(mapped), by_octets(octets));
            prop_assert_eq!(is_public(translated), by_octets(octets));
            let sixth = Ipv6Addr::from_bits((0x2002 << 112) | (u128::from(v4.to_bits()) << 80));
            prop_assert!(!is_public(IpAddr::V6(sixth)));
        }

        #[test]
        fn nothing_outside_global_unicast_is_public(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            let first = address.segments()[0];
            let stands_for_ipv4 = address.to_ipv4_mapped().is_some() || within_v6(address, TRANSLATED);
            if !(0x2000..0x4000).contains(&first) && !stands_for_ipv4 {
                prop_assert!(!is_public(IpAddr::V6(address)));
            }
        }

        #[test]
        fn what_is_not_named_is_not_permitted_unless_public(octets in octets(), named in octets(), length in 0_u8..=32) {
            let network = ipnet::Ipv4Net::new(Ipv4Addr::from(named), length).unwrap();
            let allowed = AllowedNetworks(vec![IpNet::V4(network)]);
            let expected = by_octets(octets) || network.contains(&Ipv4Addr::from(octets));
            prop_assert_eq!(allowed.permit(IpAddr::from(octets)), expected);
        }
    }
}
