//! Names become addresses, of which only those that may be connected to are left.
//!
//! The addresses given are those that are connected to, so that a name cannot mean one thing when it is judged and another when
//! it is called.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::networks::AllowedNetworks;

/// Why a name has no address to connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// It has none at all.
    #[error("the name has no address")]
    Unknown,
    /// It has none that may be called.
    #[error("the name has no address that may be called")]
    NotPermitted,
}

/// Addresses that are being looked up.
pub(crate) type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks up names.
pub(crate) trait LookUp: Send + Sync + 'static {
    /// The addresses of `name`.
    fn look_up(&self, name: String) -> LookingUp;
}

/// As the system does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemLookUp;

impl LookUp for SystemLookUp {
    fn look_up(&self, name: String) -> LookingUp {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The addresses of `host` (a name, or an address in whatever form) that `permits`, looked up as the system does. Connect to
/// these and to no name.
///
/// # Errors
/// [`ResolveError`].
pub async fn permitted_addresses(host: &str, permits: impl Fn(IpAddr) -> bool) -> Result<Vec<IpAddr>, ResolveError> {
    judge(SystemLookUp.look_up(host.to_owned()), permits).await
}

async fn judge(looking_up: LookingUp, permits: impl Fn(IpAddr) -> bool) -> Result<Vec<IpAddr>, ResolveError> {
    let mut found = looking_up.await.or(Err(ResolveError::Unknown))?;
    if found.is_empty() {
        return Err(ResolveError::Unknown);
    }
    found.retain(|address| permits(*address));
    if found.is_empty() {
        Err(ResolveError::NotPermitted)
    } else {
        Ok(found)
    }
}

/// What the client of HTTP asks for addresses.
pub(crate) struct Guard {
    pub(crate) allowed: AllowedNetworks,
    /// Whether only networks that the operator named will do, as for what is not encrypted.
    pub(crate) named_only: bool,
    pub(crate) look_up: Arc<dyn LookUp>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (allowed, named_only) = (self.allowed.clone(), self.named_only);
        let looking_up = self.look_up.look_up(name.as_str().to_owned());
        Box::pin(async move {
            let permits = |address| {
                if named_only {
                    allowed.names(address)
                } else {
                    allowed.permit(address)
                }
            };
            let permitted = judge(looking_up, permits).await?;
            let addresses: Addrs = Box::new(permitted.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
