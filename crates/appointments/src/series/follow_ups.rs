//! Which occurrences are free, since they follow an appointment that was paid.

use db::{DbError, TenantRead};
use kernel::{AppointmentId, ContactId, ServiceId, Timestamp};

use super::plan::Checked;
use super::store;
use crate::availability::spans::Span;

/// The paid appointments that may make occurrences free, by their time.
pub(super) async fn free_follow_ups(
    tx: &TenantRead<'_>,
    contact: ContactId,
    service: Option<ServiceId>,
    checked: &[Checked],
) -> Result<Vec<(Timestamp, AppointmentId)>, DbError> {
    let bookings = || checked.iter().map(|one| one.candidate.booking);
    let since = bookings().filter_map(|booking| booking.free_since).min();
    let until = bookings().map(|booking| booking.slot.starts_at()).max();
    let window = since.zip(until).and_then(|(since, until)| Span::new(since, until));
    match (service, window) {
        (Some(service), Some(window)) => store::paid_in(tx, contact, service, window).await,
        _ => Ok(Vec::new()),
    }
}

/// The last of `paid` that makes `one` free.
pub(super) fn follow_up_of(paid: &[(Timestamp, AppointmentId)], one: &Checked) -> Option<AppointmentId> {
    let since = one.candidate.booking.free_since?;
    let starts_at = one.candidate.booking.slot.starts_at();
    paid.iter()
        .rev()
        .find(|(at, _)| since <= *at && *at < starts_at)
        .map(|(_, id)| *id)
}
