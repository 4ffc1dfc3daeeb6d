//! Where a webhook may go: checked when its address is set as far as that can be known, and before each connection on the very
//! addresses that are connected to.

mod network;
mod resolver;
mod url;

pub use network::{InvalidNetworks, Networks};
pub(crate) use resolver::{AddressNotAllowed, GuardedResolver, LookUp, NameNotResolved, SystemLookUp};
pub(crate) use url::TargetUrl;

use std::net::IpAddr;

use network::embedded_ipv4;

/// What the operator allows beyond public addresses over HTTPS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetRules {
    /// Networks that are not public and may be sent to all the same; none unless set.
    pub allowed_networks: Networks,
    /// Whether `http` without TLS may be sent to.
    pub allow_http: bool,
}

impl TargetRules {
    /// Whether a webhook may be sent to `address`: it is public by the registries of IANA, or the operator allows it.
    ///
    /// An IPv6 address that stands for an IPv4 one (mapped, or behind NAT64) is judged by that one.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = match address {
            IpAddr::V6(v6) => embedded_ipv4(v6).map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        self.allowed_networks.contain(address) || network::is_public(address)
    }
}
