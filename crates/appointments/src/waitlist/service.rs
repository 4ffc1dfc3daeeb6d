//! The rules of entries.

use db::{AuditRecord, Job, TenantTx};
use kernel::{ContactId, FieldErrors, Lane, PractitionerId, ServiceId, Version, WaitlistEntryId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::WaitlistError;
use super::model::{Entry, EntryChanges, EntryEvent, EntryStatus, NewEntry, OfferStatus};
use super::offer_store::{self, Timing};
use super::{offers, store, sweep};
use crate::tags;

/// The job that looks for time when an entry is new or wants something else. It looks for all in their order: what it finds may
/// have become free just now, and belong to somebody before.
pub const MATCH: &str = "waitlist.match";

/// Which entry.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct MatchJob {
    /// The entry.
    pub entry_id: WaitlistEntryId,
}

/// Puts somebody on the list.
///
/// # Errors
/// [`WaitlistError::Invalid`] with every row that is not there, archived or not offered; [`WaitlistError::IdTaken`].
pub async fn add(tx: &mut TenantTx<'_>, new: &NewEntry) -> Result<Entry, WaitlistError> {
    check_named(tx, Some(new.contact), new.service, new.practitioner).await?;
    let entry = store::insert(tx, new).await?;
    tx.audit(AuditRecord::new("waitlist.add", "waitlist_entry", entry.id.as_uuid()));
    tell(tx, "waitlist.added", &entry);
    look(tx, entry.id);
    sweep::keep_up(tx).await?;
    Ok(entry)
}

/// Changes an entry. When what is waited for changes, an open offer is taken back.
///
/// # Errors
/// [`WaitlistError`]: no such entry, changed since, closed, or as [`add`].
pub async fn update(
    tx: &mut TenantTx<'_>,
    id: WaitlistEntryId,
    changes: &EntryChanges,
    expected: Option<Version>,
) -> Result<Entry, WaitlistError> {
    let before = lock_open(tx, id, expected).await?;
    let names = changes.fields();
    if names.is_empty() {
        tx.audit(AuditRecord::new("waitlist.read", "waitlist_entry", id.as_uuid()));
        return Ok(before);
    }
    if changes.change_the_wish() {
        let service = changes.service_id.unwrap_or(before.service_id);
        let practitioner = changes.practitioner_id.unwrap_or(before.practitioner_id);
        check_named(tx, None, service, practitioner).await?;
        take_back(tx, &before).await?;
    }
    let entry = store::update(tx, id, changes).await?;
    tx.audit(
        AuditRecord::new("waitlist.update", "waitlist_entry", id.as_uuid()).with_detail(json!({ "changed": names })),
    );
    tell(tx, "waitlist.updated", &entry);
    if entry.status == EntryStatus::Waiting {
        look(tx, id);
        sweep::keep_up(tx).await?;
    }
    Ok(entry)
}

/// Takes an entry off the list, and back what was offered to it. Doing it twice is doing it once.
///
/// # Errors
/// [`WaitlistError::NotFound`], [`WaitlistError::Stale`].
pub async fn remove(
    tx: &mut TenantTx<'_>,
    id: WaitlistEntryId,
    expected: Option<Version>,
) -> Result<(), WaitlistError> {
    let before = store::lock(tx, id).await?;
    check_version(&before, expected)?;
    if !before.status.is_open() {
        return Ok(());
    }
    take_back(tx, &before).await?;
    let entry = store::set_status(tx, id, EntryStatus::Cancelled, None).await?;
    tx.audit(AuditRecord::new("waitlist.remove", "waitlist_entry", id.as_uuid()));
    tell(tx, "waitlist.removed", &entry);
    Ok(())
}

/// Locks an entry that is still on the list.
pub(super) async fn lock_open(
    tx: &TenantTx<'_>,
    id: WaitlistEntryId,
    expected: Option<Version>,
) -> Result<Entry, WaitlistError> {
    let entry = store::lock(tx, id).await?;
    check_version(&entry, expected)?;
    if entry.status.is_open() {
        Ok(entry)
    } else {
        Err(WaitlistError::Closed(entry.status))
    }
}

fn check_version(entry: &Entry, expected: Option<Version>) -> Result<(), WaitlistError> {
    if expected.is_some_and(|version| version != entry.version) {
        Err(WaitlistError::Stale)
    } else {
        Ok(())
    }
}

/// Withdraws the open offer to a locked entry, if there is one.
async fn take_back(tx: &mut TenantTx<'_>, entry: &Entry) -> Result<(), WaitlistError> {
    let Some(open) = offer_store::open_of(tx, entry.id).await? else {
        return Ok(());
    };
    if let Some(offer) = offer_store::close(tx, open.id, OfferStatus::Withdrawn, Timing::Any).await? {
        offers::let_go(tx, entry, &offer).await?;
    }
    Ok(())
}

/// Says that `entry` changed in the way of `kind`.
pub(super) fn tell(tx: &mut TenantTx<'_>, kind: &'static str, entry: &Entry) {
    tx.emit(kind, &EntryEvent::from(entry));
    tx.touch(tags::waitlist());
}

/// Leaves the job that looks for time, because of the entry `id`.
fn look(tx: &mut TenantTx<'_>, id: WaitlistEntryId) {
    tx.enqueue(match_job(id));
}

/// The job that looks for time, because of the entry `id`. It looks for everybody, so that one that waits is enough.
#[must_use]
pub fn match_job(id: WaitlistEntryId) -> Job {
    Job::new(MATCH, &MatchJob { entry_id: id })
        .lane(Lane::Clinical)
        .key("match")
}

/// Checks that what an entry names is there and in use; a contact that is none was checked before.
async fn check_named(
    tx: &TenantTx<'_>,
    contact: Option<ContactId>,
    service: ServiceId,
    practitioner: Option<PractitionerId>,
) -> Result<(), WaitlistError> {
    let named = store::named(tx, contact, service, practitioner).await?;
    let mut errors = FieldErrors::new();
    let mut check = |pointer: &str, what: &str, is_named: bool, archived: Option<bool>| match archived {
        None if is_named => errors.push(pointer, "unknown", format!("there is no such {what}")),
        Some(true) => errors.push(pointer, "archived", format!("the {what} is archived")),
        _ => {}
    };
    check("/contact_id", "contact", contact.is_some(), named.contact);
    check("/service_id", "service", true, named.service);
    check(
        "/practitioner_id",
        "practitioner",
        practitioner.is_some(),
        named.practitioner,
    );
    if practitioner.is_some() && named.practitioner == Some(false) && named.service == Some(false) && !named.offered {
        errors.push(
            "/practitioner_id",
            "not_offered",
            "the practitioner does not offer this service",
        );
    }
    Ok(errors.finish(Some(()))?)
}

/// Gives every entry of the contact `from` to the contact `into`; says which, for the record of the merge.
///
/// # Errors
/// The database's failure.
pub async fn move_contact(
    tx: &mut TenantTx<'_>,
    from: ContactId,
    into: ContactId,
) -> Result<Vec<WaitlistEntryId>, db::DbError> {
    let moved = store::move_contact(tx, from, into).await?;
    tx.touch(tags::waitlist());
    Ok(moved)
}

/// Gives back to the contact `back_to` those of the entries `moved` by a merge that are still `from`'s; says which. What was
/// offered to them goes with them.
///
/// # Errors
/// The database's failure.
pub async fn restore_contact(
    tx: &mut TenantTx<'_>,
    moved: &[WaitlistEntryId],
    from: ContactId,
    back_to: ContactId,
) -> Result<Vec<WaitlistEntryId>, db::DbError> {
    let restored = store::restore_contact(tx, moved, from, back_to).await?;
    tx.touch(tags::waitlist());
    Ok(restored)
}
