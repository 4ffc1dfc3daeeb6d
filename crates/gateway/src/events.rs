//! Every kind of event that integrations and live screens may hear of, over all domains.

use kernel::PublicEvent;

/// The catalogue, in the order of the domains.
pub fn catalogue() -> impl Iterator<Item = PublicEvent> {
    [appointments::EVENTS, conversations::EVENTS]
        .into_iter()
        .flatten()
        .copied()
}
