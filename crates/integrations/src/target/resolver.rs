//! Names become addresses here, and only addresses that may be sent to leave: the connection is made to one of these and to
//! nothing else, so that a name which answers differently each time gains nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::TargetRules;

/// None of the addresses may be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address is not public, and the operator does not allow it")]
pub(crate) struct AddressNotAllowed;

/// A name that leads nowhere.
#[derive(Debug, thiserror::Error)]
#[error("the name could not be resolved: {0}")]
pub(crate) struct NameNotResolved(String);

/// Looks up names.
pub(crate) trait LookUp: Send + Sync + 'static {
    /// The addresses of `name`, their ports of no meaning.
    fn look_up(&self, name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

/// As the system does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemLookUp;

impl LookUp for SystemLookUp {
    fn look_up(&self, name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
    }
}

/// Resolves names to such of their addresses as may be sent to.
pub(crate) struct GuardedResolver {
    rules: TargetRules,
    look_up: Arc<dyn LookUp>,
}

impl GuardedResolver {
    pub(crate) fn new(rules: TargetRules, look_up: Arc<dyn LookUp>) -> Self {
        Self { rules, look_up }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, found) = (self.rules.clone(), self.look_up.look_up(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await.map_err(|error| NameNotResolved(error.to_string()))?;
            if found.is_empty() {
                return Err(NameNotResolved("it has no address".to_owned()).into());
            }
            let permitted: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| rules.permits(address.ip()))
                .collect();
            if permitted.is_empty() {
                return Err(AddressNotAllowed.into());
            }
            let addresses: Addrs = Box::new(permitted.into_iter());
            Ok(addresses)
        })
    }
}
