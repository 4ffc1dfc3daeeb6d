//! What the operator decides about everything that goes out to an address that somebody else named.

use crate::networks::AllowedNetworks;
use crate::roots::Roots;

/// Where connections to the outside may lead, and whom they trust.
#[derive(Debug, Clone, Default)]
pub struct OutwardRules {
    /// What may be reached besides the public internet; none unless the operator says so.
    pub networks: AllowedNetworks,
    /// Whose certificates are believed.
    pub roots: Roots,
}
