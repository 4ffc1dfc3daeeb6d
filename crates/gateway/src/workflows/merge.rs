//! Two contacts that are one person become one, in every domain and in one transaction.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, post};
use appointments::booking::{self, BookingError};
use appointments::waitlist;
use contacts::merge::{KeepChoices, MergeContacts, MergeError, MergeOutcome, service};
use contacts::people::ContactView;
use conversations::threads::{self, ConversationError};
use db::{DbError, TenantTx, TxError};
use kernel::{ContactId, ContactMergeId, Version};
use rest::permissions::ContactsMerge;
use rest::{Authorized, PathId, Problem, Reply, Valid, View};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a merge came to.
#[derive(Debug, Serialize, ToSchema)]
struct MergeView {
    /// The merge.
    id: ContactMergeId,
    /// The contact that stays, as it is now.
    contact: ContactView,
    /// The contact that went: its address now leads to the other one.
    from_id: ContactId,
    /// How many rows of each kind were moved.
    #[schema(example = json!({"appointments": 3, "consents": 1}))]
    moved: BTreeMap<&'static str, usize>,
}

impl View for MergeView {
    fn version(&self) -> Option<Version> {
        self.contact.version()
    }
}

impl From<MergeOutcome> for MergeView {
    fn from(outcome: MergeOutcome) -> Self {
        let MergeOutcome {
            id,
            contact,
            from_id,
            moved,
        } = outcome;
        Self {
            id,
            contact: ContactView::from(contact),
            from_id,
            moved,
        }
    }
}

/// What stood in the way, in whichever domain.
#[derive(Debug, thiserror::Error)]
pub enum MergeFailure {
    /// The contacts themselves.
    #[error(transparent)]
    Contacts(#[from] MergeError),
    /// Their appointments.
    #[error(transparent)]
    Appointments(#[from] BookingError),
    /// Their conversations.
    #[error(transparent)]
    Conversations(#[from] ConversationError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for MergeFailure {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Contacts(error) => error.db_error(),
            Self::Appointments(error) => error.db_error(),
            Self::Conversations(error) => error.db_error(),
            Self::Database(error) => Some(error),
        }
    }
}

impl From<MergeFailure> for Problem {
    fn from(failure: MergeFailure) -> Self {
        match failure {
            MergeFailure::Contacts(error) => error.into(),
            MergeFailure::Appointments(error) => error.into(),
            MergeFailure::Conversations(error) => error.into(),
            MergeFailure::Database(error) => error.into(),
        }
    }
}

/// Merges another contact into this one.
///
/// Phones, consents, tags, appointments, conversations and all other references of the other one move here, what this one lacks is filled in, and
/// the other one's address leads here from then on. Where both have a value, `keep` says whose counts.
#[utoipa::path(tag = "contacts", summary = "Merges two contacts", operation_id = "merge_contacts",
    security(("bearer" = ["contacts:merge"])), params(("id" = ContactId, Path)), request_body = MergeContacts,
    responses((status = 200, body = MergeView),
        (status = 409, body = Problem, description = "`contact_merged`, `contact_archived` or `different_tax_ids`")))]
#[post("/contacts/{id}/merge")]
pub(super) async fn merge_contacts(
    caller: Authorized<ContactsMerge>,
    id: PathId<ContactId>,
    body: Valid<MergeContacts>,
) -> Result<HttpResponse, Problem> {
    let (into, request) = (id.into_inner(), body.into_inner());
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            merge(tx, into, &request, expected)
                .await
                .map(|outcome| Reply::ok(MergeView::from(outcome)))
        })
        .await
}

/// Merges `from`, who turned out to be `into`, keeping what `into` has.
pub(super) async fn merge_one_into(
    tx: &mut TenantTx<'_>,
    into: ContactId,
    from: ContactId,
) -> Result<(), MergeFailure> {
    let request = MergeContacts {
        from_id: from,
        keep: KeepChoices::default(),
    };
    merge(tx, into, &request, None).await?;
    Ok(())
}

/// Locks both, lets every domain move what it holds, and joins the two.
async fn merge(
    tx: &mut TenantTx<'_>,
    into: ContactId,
    request: &MergeContacts,
    expected: Option<Version>,
) -> Result<MergeOutcome, MergeFailure> {
    let pair = service::lock(tx, into, request.from_id, expected).await?;
    let booking::Moved { appointments, holds } = booking::move_contact(tx, request.from_id, into).await?;
    let threads::Moved {
        conversations,
        identities,
        resolved,
        stood,
    } = threads::move_contact(tx, request.from_id, into).await?;
    let series = appointments::series::move_contact(tx, request.from_id, into).await?;
    let waiting = waitlist::move_contact(tx, request.from_id, into).await?;
    let also_moved = BTreeMap::from([
        ("appointments", appointments.into_iter().map(Uuid::from).collect()),
        ("holds", holds.into_iter().map(Uuid::from).collect()),
        ("appointment_series", series.into_iter().map(Uuid::from).collect()),
        ("conversations", conversations.into_iter().map(Uuid::from).collect()),
        ("channel_identities", identities.into_iter().map(Uuid::from).collect()),
        ("conversations_resolved", resolved.into_iter().map(Uuid::from).collect()),
        ("waitlist_entries", waiting.into_iter().map(Uuid::from).collect()),
    ]);
    let stood = serde_json::to_value(stood)
        .map_err(|error| DbError::from(diesel::result::Error::SerializationError(Box::new(error))))?;
    let also_stood = BTreeMap::from([("conversations", stood)]);
    Ok(service::merge(tx, pair, &request.keep, also_moved, also_stood).await?)
}
