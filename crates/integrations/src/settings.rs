//! What the operator decides, and what the endpoints of this domain share.

use std::sync::Arc;
use std::time::Duration;

use auth::ClinicKeys;

use crate::catalogue::Catalogue;
use crate::target::TargetRules;

/// What the operator decides about webhooks.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Where they may go.
    pub rules: TargetRules,
    /// How long one attempt may take, from looking up the name to the answer's status.
    pub deadline: Duration,
}

impl Default for WebhookSettings {
    /// Over HTTPS, to public addresses alone, 15 seconds each.
    fn default() -> Self {
        Self {
            rules: TargetRules::default(),
            deadline: Duration::from_secs(15),
        }
    }
}

/// What the endpoints of this domain share; part of the application's data.
#[derive(Debug, Clone)]
pub struct Integrations {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) rules: TargetRules,
    pub(crate) keys: ClinicKeys,
}

impl Integrations {
    /// With every kind of event that there is, the operator's settings, and the keys with which secrets are sealed.
    #[must_use]
    pub fn new(catalogue: Catalogue, settings: &WebhookSettings, keys: ClinicKeys) -> Self {
        Self {
            catalogue: Arc::new(catalogue),
            rules: settings.rules.clone(),
            keys,
        }
    }
}
