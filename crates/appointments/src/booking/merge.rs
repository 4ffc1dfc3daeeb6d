//! What a merge of two contacts does to the agenda.

use db::TenantTx;
use kernel::{AppointmentId, ContactId, HoldId, SeriesId, Timestamp, WaitlistEntryId, Zone};
use serde::Serialize;

use super::error::BookingError;
use super::store;
use crate::{holds, tags};

/// What [`move_contact`] moved, for the record of the merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The appointments that were the other contact's.
    pub appointments: Vec<AppointmentId>,
    /// The holds that were.
    pub holds: Vec<HoldId>,
}

/// Gives every appointment and hold of the contact `from` to the contact `into`.
///
/// # Errors
/// [`BookingError::Database`].
pub async fn move_contact(tx: &mut TenantTx<'_>, from: ContactId, into: ContactId) -> Result<Moved, BookingError> {
    let zone = store::zone(tx).await?;
    let appointments = store::move_contact(tx, from, into).await?;
    let holds = holds::store::move_contact(tx, from, into).await?;
    told_of(tx, zone, &appointments, [from, into]);
    Ok(Moved {
        appointments: appointments.into_iter().map(|(id, _)| id).collect(),
        holds,
    })
}

/// Gives back to the contact `back_to` what a merge `moved` to the contact `from`, as far as it is still there; says what it was.
/// What `from` was given after the merge stays with it, but for [what follows](restore_what_follows) from series and entries that
/// go back.
///
/// # Errors
/// [`BookingError::Database`].
pub async fn restore_contact(
    tx: &mut TenantTx<'_>,
    moved: &Moved,
    from: ContactId,
    back_to: ContactId,
) -> Result<Moved, BookingError> {
    let zone = store::zone(tx).await?;
    let appointments = store::restore_contact(tx, &moved.appointments, from, back_to).await?;
    let holds = holds::store::restore_contact(tx, &moved.holds, from, back_to).await?;
    told_of(tx, zone, &appointments, [from, back_to]);
    Ok(Moved {
        appointments: appointments.into_iter().map(|(id, _)| id).collect(),
        holds,
    })
}

/// Gives back to the contact `back_to` what followed since a merge from what was given back: the appointments of `series` (each
/// change of a series makes some), those that `entries` of the waiting list led to, and the time that is offered to these. It was
/// agreed with the one whose they are, though it came when both were one.
///
/// # Errors
/// [`BookingError::Database`].
pub async fn restore_what_follows(
    tx: &mut TenantTx<'_>,
    series: &[SeriesId],
    entries: &[WaitlistEntryId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Moved, BookingError> {
    let zone = store::zone(tx).await?;
    let appointments = store::restore_what_follows(tx, series, entries, from, back_to).await?;
    let holds = holds::store::restore_offered(tx, entries, from, back_to).await?;
    told_of(tx, zone, &appointments, [from, back_to]);
    Ok(Moved {
        appointments: appointments.into_iter().map(|(id, _)| id).collect(),
        holds,
    })
}

/// Says what is stale when appointments went from one contact to another.
fn told_of(tx: &mut TenantTx<'_>, zone: Zone, appointments: &[(AppointmentId, Timestamp)], both: [ContactId; 2]) {
    for (id, starts_at) in appointments {
        tx.touch(tags::appointment(*id));
        tx.touch(tags::agenda(starts_at.date_in(zone)));
    }
    tx.touch(tags::all());
    for contact in both {
        tx.touch(tags::of_contact(contact));
    }
}
