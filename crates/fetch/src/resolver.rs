//! Names become addresses, of which only those that may be called are left.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::networks::AllowedNetworks;

/// Why a name has no address to connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResolveError {
    /// It has none at all.
    #[error("the name has no address")]
    Unknown,
    /// It has none that may be called.
    #[error("the name has no address that may be called")]
    NotPermitted,
}

/// The system's resolver, and a judgement over what it says. The addresses it gives are those that are connected to, so that a
/// name cannot mean one thing when it is judged and another when it is called.
pub(crate) struct Guard {
    pub(crate) allowed: AllowedNetworks,
    /// Whether only networks that the operator named will do, as for what is not encrypted.
    pub(crate) named_only: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        let named_only = self.named_only;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await
                .or(Err(ResolveError::Unknown))?
                .collect();
            if found.is_empty() {
                return Err(ResolveError::Unknown.into());
            }
            let permitted: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| {
                    if named_only {
                        allowed.names(address.ip())
                    } else {
                        allowed.permit(address.ip())
                    }
                })
                .collect();
            if permitted.is_empty() {
                return Err(ResolveError::NotPermitted.into());
            }
            let addresses: Addrs = Box::new(permitted.into_iter());
            Ok(addresses)
        })
    }
}
