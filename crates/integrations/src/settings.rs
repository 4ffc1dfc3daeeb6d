//! What the operator decides, and what the endpoints of this domain share.

use std::sync::Arc;
use std::time::Duration;

use auth::ClinicKeys;
use fetch::AllowedNetworks;

use crate::catalogue::Catalogue;

/// What the operator decides about webhooks.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// How long one attempt may take, from looking up the name to the answer's status.
    pub deadline: Duration,
}

impl Default for WebhookSettings {
    /// 15 seconds.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(15),
        }
    }
}

/// What the endpoints of this domain share; part of the application's data.
#[derive(Debug, Clone)]
pub struct Integrations {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) networks: AllowedNetworks,
    pub(crate) keys: ClinicKeys,
}

impl Integrations {
    /// With every kind of event that there is, what may be sent to besides the public internet, and the keys with which secrets
    /// are sealed.
    #[must_use]
    pub fn new(catalogue: Catalogue, networks: AllowedNetworks, keys: ClinicKeys) -> Self {
        Self {
            catalogue: Arc::new(catalogue),
            networks,
            keys,
        }
    }
}
