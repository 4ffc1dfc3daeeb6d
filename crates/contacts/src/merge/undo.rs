//! The rules of undoing a merge.
//!
//! As a merge, it touches several domains: [`restore`] brings the contact back, then every domain gives back what it had moved
//! and what is still with the survivor, then [`finish`] writes down what was done.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use db::{AuditRecord, DbError, TenantTx};
use kernel::documents::Cpf;
use kernel::{ContactId, ContactMergeId, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::MergeSide;
use super::store::{self, MergeRecord};
use super::taken_back::{Recorded, TakenBack};
use super::undo_error::UndoError;
use crate::events::UNMERGED;
use crate::people::store as people;
use crate::people::store::ChangedContact;
use crate::people::{Contact, ContactError, ContactStatus};
use crate::tags;

/// For how long a merge can be undone. Later, too much has been built on the one contact to tell whose it is.
pub const UNDOABLE_FOR: TimeDelta = TimeDelta::days(30);

/// Until when a merge of `merged_at` can be undone.
pub(super) fn undoable_until(merged_at: Timestamp) -> Timestamp {
    merged_at.saturating_add(UNDOABLE_FOR)
}

/// A merge whose contacts are two again; what other domains moved is not given back yet.
#[derive(Debug)]
pub struct Restored {
    merge: ContactMergeId,
    from: ContactId,
    into: ContactId,
    kept: Vec<String>,
    elsewhere: BTreeMap<String, Vec<Uuid>>,
    stood: BTreeMap<String, Value>,
    returned: BTreeMap<&'static str, usize>,
}

impl Restored {
    /// The contact that is back.
    #[must_use]
    pub const fn back(&self) -> ContactId {
        self.from
    }

    /// The contact that stayed.
    #[must_use]
    pub const fn survivor(&self) -> ContactId {
        self.into
    }

    /// The rows of `kind` that the merge moved, such as `appointments`, as ids of the type that `id_of` makes.
    pub fn moved<Id>(&self, kind: &str, id_of: impl Fn(Uuid) -> Id) -> Vec<Id> {
        let rows = self.elsewhere.get(kind).map(Vec::as_slice).unwrap_or_default();
        rows.iter().copied().map(id_of).collect()
    }

    /// How things of `kind` stood before the merge, as far as it wrote that down.
    pub fn stood<T: DeserializeOwned>(&self, kind: &str) -> Option<T> {
        T::deserialize(self.stood.get(kind)?).ok()
    }
}

/// What undoing a merge came to.
#[derive(Debug, Clone)]
pub struct UndoOutcome {
    /// The merge.
    pub id: ContactMergeId,
    /// The contact that is back.
    pub back: Contact,
    /// The contact that stayed.
    pub survivor: Contact,
    /// The survivor's fields that had been changed since and were not put back, or not wholly.
    pub kept: Vec<String>,
    /// How many rows of each kind went back.
    pub returned: BTreeMap<&'static str, usize>,
}

/// Makes two contacts of one again: the one that went has its values, consents and those it answers for, and whoever had been
/// merged into it leads to it; what was filled in on the survivor is taken back, but for what was changed since. What came after
/// the merge stays with the survivor.
///
/// The first thing that undoing does, before any domain gives back what it had moved: rows can only be given to a contact that
/// is there.
///
/// # Errors
/// [`UndoError`] names what stands in the way.
pub async fn restore(tx: &mut TenantTx<'_>, id: ContactMergeId) -> Result<Restored, UndoError> {
    let MergeRecord { from, into, .. } = store::find_merge(tx, id).await?.ok_or(UndoError::NotFound)?;
    let both = store::lock_both(tx, from, into).await?;
    let [went, survivor] = [from, into].map(|id| both.iter().find(|contact| contact.columns.id == id));
    let (went, survivor) = (went.ok_or(UndoError::NotFound)?, survivor.ok_or(UndoError::NotFound)?);
    // Read again under the locks: another may have undone it, or merged on, before they were had.
    let merge = store::find_merge(tx, id).await?.ok_or(UndoError::NotFound)?;
    let recorded = check(tx, &merge).await?;
    let TakenBack { change, phones, kept } = TakenBack::of(survivor, &recorded);
    check_tax_ids(tx, went, survivor, &recorded, &change).await?;

    // No longer merged, so that it may be named, and not present yet, so that the survivor can let go of its CPF first.
    let unmerged = ChangedContact {
        merged_into_id: Some(None),
        ..ChangedContact::keeping(ContactStatus::Archived)
    };
    people::update(tx, from, unmerged).await?;
    people::update(tx, into, change)
        .await
        .map_err(|error| taken(error, MergeSide::Into))?;
    if let Some(phones) = &phones {
        people::replace_phones(tx, into, phones).await?;
    }
    let present = ChangedContact {
        archived_at: Some(None),
        ..ChangedContact::keeping(recorded.from_status)
    };
    people::update(tx, from, present)
        .await
        .map_err(|error| taken(error, MergeSide::From))?;
    let (consents, guarded, redirected) = futures_util::try_join!(
        store::return_consents(tx, &recorded.consents, into, from),
        store::return_guarded(tx, &recorded.guarded, into, from),
        store::return_redirects(tx, &recorded.merged_before, into, from),
    )?;
    for touched in guarded.iter().chain(&redirected).chain([&into, &from]) {
        tx.touch(tags::contact(*touched));
    }
    tx.touch(tags::contacts());
    Ok(Restored {
        merge: id,
        from,
        into,
        kept,
        elsewhere: recorded.elsewhere,
        stood: recorded.stood,
        returned: BTreeMap::from([("consents", consents), ("guarded", guarded.len())]),
    })
}

/// What the merge wrote down, if it can be undone now.
async fn check(tx: &TenantTx<'_>, merge: &MergeRecord) -> Result<Recorded, UndoError> {
    if let Some(at) = merge.undone_at {
        return Err(UndoError::Undone { at });
    }
    if let Some(first) = store::latest_after(tx, merge).await? {
        return Err(UndoError::NotLatest { first });
    }
    let until = undoable_until(merge.created_at);
    if tx.now() > until {
        return Err(UndoError::TooOld { until });
    }
    let recorded = merge.recorded()?;
    if recorded.is_whole() {
        Ok(recorded)
    } else {
        Err(UndoError::NotRecorded)
    }
}

/// Refuses when a CPF that one of the two would have again has another holder.
async fn check_tax_ids(
    tx: &TenantTx<'_>,
    went: &Contact,
    survivor: &Contact,
    recorded: &Recorded,
    change: &ChangedContact,
) -> Result<(), UndoError> {
    let holder = async |cpf: &Cpf| people::id_by_cpf(tx, cpf).await;
    let own = survivor.columns.id;
    if let Some(Some(cpf)) = &change.cpf
        && survivor.columns.archived_at.is_none()
        && let Some(other) = holder(cpf).await?.filter(|other| *other != own)
    {
        let (side, holder) = (MergeSide::Into, Some(other));
        return Err(UndoError::TaxIdTaken { side, holder });
    }
    let lets_go = change.cpf.as_ref().is_some_and(|cpf| *cpf != went.columns.cpf);
    if let Some(cpf) = &went.columns.cpf
        && recorded.from_status != ContactStatus::Archived
        && let Some(other) = holder(cpf).await?.filter(|other| *other != own || !lets_go)
    {
        let (side, holder) = (MergeSide::From, Some(other));
        return Err(UndoError::TaxIdTaken { side, holder });
    }
    Ok(())
}

/// A CPF that was taken between the look and the write.
fn taken(error: ContactError, side: MergeSide) -> UndoError {
    match error {
        ContactError::Exists { contact: holder } => UndoError::TaxIdTaken { side, holder },
        other => other.into(),
    }
}

/// Writes down that a merge was undone, and shows the two. `also_returned` counts the rows that other domains gave back in this
/// transaction, by kind.
///
/// # Errors
/// The database's failure.
pub async fn finish(
    tx: &mut TenantTx<'_>,
    restored: Restored,
    also_returned: BTreeMap<&'static str, usize>,
) -> Result<UndoOutcome, UndoError> {
    let Restored {
        merge,
        from,
        into,
        kept,
        mut returned,
        ..
    } = restored;
    returned.extend(also_returned);
    store::mark_undone(tx, merge, &kept).await?;
    tx.audit(
        AuditRecord::new("contacts.unmerge", "contact", from.as_uuid())
            .with_detail(json!({"survivor_id": into, "merge_id": merge, "kept": kept, "returned": returned})),
    );
    tx.emit(
        UNMERGED,
        &json!({"contact_id": from, "survivor_id": into, "merge_id": merge}),
    );
    let (back, survivor) = futures_util::try_join!(people::find(tx, from), people::find(tx, into))?;
    Ok(UndoOutcome {
        id: merge,
        back: back.ok_or(UndoError::NotFound)?,
        survivor: survivor.ok_or(UndoError::NotFound)?,
        kept,
        returned,
    })
}

impl MergeRecord {
    /// What it wrote down.
    ///
    /// # Errors
    /// [`DbError`] when that cannot be read.
    pub(super) fn recorded(&self) -> Result<Recorded, DbError> {
        serde_json::from_value(self.moved.clone())
            .map_err(|error| DbError::from(diesel::result::Error::DeserializationError(Box::new(error))))
    }
}
