//! Whose word about a client's address is taken: that of the balancers in front, and nobody else's.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{HeaderMap, X_FORWARDED_FOR};

/// The networks of the balancers in front; none unless set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// The addresses that share the first `length` bits with `address`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    length: u32,
}

/// What is not a list of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write addresses or networks, separated by commas: 10.0.0.0/8,2001:db8::7")]
pub struct InvalidNetworks;

impl std::str::FromStr for TrustedProxies {
    type Err = InvalidNetworks;

    fn from_str(text: &str) -> Result<Self, InvalidNetworks> {
        text.split(',')
            .map(|part| Network::parse(part.trim()).ok_or(InvalidNetworks))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(most);
        (length <= most).then_some(Self { address, length })
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.length,
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.length,
            _ => false,
        }
    }
}

impl TrustedProxies {
    /// The client of a request that came from `peer`: read backwards through `X-Forwarded-For` for as long as those who wrote
    /// it are trusted. What a client claims about itself is never believed.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let claims: Vec<&str> = headers
            .get_all(X_FORWARDED_FOR)
            .flat_map(|value| value.to_str().unwrap_or_default().split(','))
            .collect();
        let mut client = peer.to_canonical();
        for claim in claims.into_iter().rev() {
            if !self.0.iter().any(|network| network.contains(client)) {
                break;
            }
            match address_in(claim.trim()) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }
}

/// An address, as some proxies write it with its port.
fn address_in(claim: &str) -> Option<IpAddr> {
    let address = claim.parse().ok();
    let with_port = || claim.parse().ok().map(|socket: SocketAddr| socket.ip());
    address.or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(proxies: &str, peer: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_static(value));
        }
        let proxies = if proxies.is_empty() {
            TrustedProxies::default()
        } else {
            proxies.parse().unwrap()
        };
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_only_about_whom_they_saw() {
        for (proxies, peer, forwarded, expected) in [
            ("", "10.0.0.1", &["203.0.113.9"][..], "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.0/8", "192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            (
                "10.0.0.0/8",
                "10.0.0.1",
                &["1.1.1.1, 203.0.113.9, 10.0.0.2"],
                "203.0.113.9",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.1",
                &["1.1.1.1", "203.0.113.9:4711"],
                "203.0.113.9",
            ),
            ("10.0.0.0/8", "10.0.0.1", &["nonsense"], "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", &[], "10.0.0.1"),
            ("2001:db8::/32", "2001:db8::1", &["2001:db9::2"], "2001:db9::2"),
            ("10.0.0.1", "::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
        ] {
            assert_eq!(
                client(proxies, peer, forwarded),
                expected,
                "{proxies} {peer} {forwarded:?}"
            );
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0", "::/129", "10.0.0.1,", "x/8"] {
            assert_eq!(text.parse::<TrustedProxies>(), Err(InvalidNetworks), "{text}");
        }
    }
}
