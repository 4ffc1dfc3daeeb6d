//! Every kind of event that integrations and live screens may hear of, over all domains.

use kernel::PublicEvent;

/// The catalogue, in the order of the domains.
pub fn catalogue() -> impl Iterator<Item = PublicEvent> {
    [
        contacts::EVENTS,
        appointments::EVENTS,
        clinics::EVENTS,
        conversations::EVENTS,
        integrations::EVENTS,
        crate::imports::EVENTS,
    ]
    .into_iter()
    .flatten()
    .copied()
}
