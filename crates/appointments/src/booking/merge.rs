//! What a merge of two contacts does to the agenda.

use db::TenantTx;
use kernel::{AppointmentId, ContactId, HoldId};
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
    for (id, starts_at) in &appointments {
        tx.touch(tags::appointment(*id));
        tx.touch(tags::agenda(starts_at.date_in(zone)));
    }
    for tag in [tags::all(), tags::of_contact(from), tags::of_contact(into)] {
        tx.touch(tag);
    }
    Ok(Moved {
        appointments: appointments.into_iter().map(|(id, _)| id).collect(),
        holds,
    })
}
