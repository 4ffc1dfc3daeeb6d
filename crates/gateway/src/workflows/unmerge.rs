//! A merge of two contacts is undone, in every domain and in one transaction.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, post};
use appointments::booking::{self, BookingError};
use appointments::waitlist;
use contacts::merge::UndoError;
use contacts::merge::undo::{self, UndoOutcome};
use contacts::people::ContactView;
use conversations::threads::{self, ConversationError};
use db::{DbError, TenantTx, TxError};
use kernel::{AppointmentId, ChannelIdentityId, ContactMergeId, ConversationId, HoldId, SeriesId, WaitlistEntryId};
use rest::permissions::ContactsMerge;
use rest::{Authorized, PathId, Problem, Reply, View};
use serde::Serialize;
use utoipa::ToSchema;

/// What undoing a merge came to.
#[derive(Debug, Serialize, ToSchema)]
struct UnmergeView {
    /// The merge that was undone.
    id: ContactMergeId,
    /// The contact that is back, under its own id.
    contact: ContactView,
    /// The contact that stayed, as it is now.
    survivor: ContactView,
    /// Fields of the one that stayed that had been changed after the merge: they are not put back, or not wholly.
    #[schema(example = json!(["email", "custom_fields.plan"]))]
    kept: Vec<String>,
    /// How many rows of each kind went back. What came after the merge stays with the survivor.
    #[schema(example = json!({"appointments": 3, "consents": 1}))]
    returned: BTreeMap<&'static str, usize>,
}

impl View for UnmergeView {}

impl From<UndoOutcome> for UnmergeView {
    fn from(outcome: UndoOutcome) -> Self {
        let UndoOutcome {
            id,
            back,
            survivor,
            kept,
            returned,
        } = outcome;
        Self {
            id,
            contact: ContactView::from(back),
            survivor: ContactView::from(survivor),
            kept,
            returned,
        }
    }
}

/// What stood in the way, in whichever domain.
#[derive(Debug, thiserror::Error)]
enum UnmergeFailure {
    #[error(transparent)]
    Contacts(#[from] UndoError),
    #[error(transparent)]
    Appointments(#[from] BookingError),
    #[error(transparent)]
    Conversations(#[from] ConversationError),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for UnmergeFailure {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Contacts(error) => error.db_error(),
            Self::Appointments(error) => error.db_error(),
            Self::Conversations(error) => error.db_error(),
            Self::Database(error) => Some(error),
        }
    }
}

impl From<UnmergeFailure> for Problem {
    fn from(failure: UnmergeFailure) -> Self {
        match failure {
            UnmergeFailure::Contacts(error) => error.into(),
            UnmergeFailure::Appointments(error) => error.into(),
            UnmergeFailure::Conversations(error) => error.into(),
            UnmergeFailure::Database(error) => error.into(),
        }
    }
}

/// Undoes a merge of two contacts, within 30 days.
///
/// The contact that went is back with its own id and values, and everything that the merge moved goes back to it. What the merge
/// filled in on the contact that stayed is taken back, but for fields that were changed since, which `kept` names. What came after
/// the merge stays where it is, but for what follows from what goes back: appointments of its series, and what its waiting entries
/// led to. A conversation that the merge resolved stands again as it stood. Of several merges of one contact the newest is undone first.
#[utoipa::path(tag = "contacts", summary = "Undoes a merge", operation_id = "undo_contact_merge",
    security(("bearer" = ["contacts:merge"])), params(("id" = ContactMergeId, Path)),
    responses((status = 200, body = UnmergeView),
        (status = 409, body = Problem, description = "`merge_undone`, `merge_not_latest` (`merge_id` is to be undone first), \
            `merge_too_old`, `merge_not_recorded`, or `tax_id_taken` (a CPF is `contact_id`'s by now)")))]
#[post("/contact-merges/{id}/undo")]
pub(super) async fn undo_contact_merge(
    caller: Authorized<ContactsMerge>,
    id: PathId<ContactMergeId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            undo_merge(tx, id)
                .await
                .map(|outcome| Reply::ok(UnmergeView::from(outcome)))
        })
        .await
}

/// Brings the contact back, then lets every domain give back what it had moved.
async fn undo_merge(tx: &mut TenantTx<'_>, id: ContactMergeId) -> Result<UndoOutcome, UnmergeFailure> {
    let restored = undo::restore(tx, id).await?;
    let (survivor, back) = (restored.survivor(), restored.back());
    let moved = booking::Moved {
        appointments: restored.moved("appointments", AppointmentId::from_uuid),
        holds: restored.moved("holds", HoldId::from_uuid),
    };
    let booking::Moved { appointments, holds } = booking::restore_contact(tx, &moved, survivor, back).await?;
    let moved = restored.moved("appointment_series", SeriesId::from_uuid);
    let series = appointments::series::restore_contact(tx, &moved, survivor, back).await?;
    let moved = restored.moved("waitlist_entries", WaitlistEntryId::from_uuid);
    let waiting = waitlist::restore_contact(tx, &moved, survivor, back).await?;
    let followed = booking::restore_what_follows(tx, &series, &waiting, survivor, back).await?;
    let moved = threads::Moved {
        conversations: restored.moved("conversations", ConversationId::from_uuid),
        identities: restored.moved("channel_identities", ChannelIdentityId::from_uuid),
        resolved: restored.moved("conversations_resolved", ConversationId::from_uuid),
        stood: restored.stood("conversations").unwrap_or_default(),
    };
    let threads::Moved {
        conversations,
        identities,
        resolved,
        ..
    } = threads::undo_move(tx, &moved, survivor, back).await?;
    let also_returned = BTreeMap::from([
        (
            "appointments",
            appointments.len().saturating_add(followed.appointments.len()),
        ),
        ("holds", holds.len().saturating_add(followed.holds.len())),
        ("appointment_series", series.len()),
        ("waitlist_entries", waiting.len()),
        ("conversations", conversations.len()),
        ("channel_identities", identities.len()),
        ("conversations_resolved", resolved.len()),
    ]);
    Ok(undo::finish(tx, restored, also_returned).await?)
}
