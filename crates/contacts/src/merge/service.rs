//! The rules of a merge.

use std::collections::BTreeMap;

use db::{AuditRecord, DbError, TenantTx};
use kernel::{ContactId, ContactMergeId, Version};
use serde_json::json;

use super::dto::KeepChoices;
use super::error::MergeError;
use super::model::{AlsoMoved, AlsoStood, Combined, MergeOutcome, MergeSide, Moved, Pair};
use super::store;
use crate::events::{self, MergeEvent};
use crate::people::store as people;
use crate::people::store::ChangedContact;
use crate::people::{Contact, ContactStatus};
use crate::tags;

/// Locks the two contacts in the order of their ids, if they may be merged: both there, neither archived nor merged before.
///
/// The first thing a merge does, before any domain moves what it holds. `expected` is the version that the one that stays must
/// have, where one is given.
///
/// # Errors
/// [`MergeError`] names what stands in the way.
pub async fn lock(
    tx: &TenantTx<'_>,
    into: ContactId,
    from: ContactId,
    expected: Option<Version>,
) -> Result<Pair, MergeError> {
    if into == from {
        return Err(MergeError::IntoItself);
    }
    let (mut staying, mut going) = (None, None);
    for contact in store::lock_both(tx, into, from).await? {
        let place = if contact.columns.id == into {
            &mut staying
        } else {
            &mut going
        };
        *place = Some(contact);
    }
    let pair = Pair {
        into: staying.ok_or(MergeError::NotFound)?,
        from: going.ok_or(MergeError::UnknownFrom)?,
    };
    if expected.is_some_and(|expected| expected != pair.into.columns.version) {
        return Err(MergeError::VersionMismatch);
    }
    check_present(&pair.into, MergeSide::Into)?;
    check_present(&pair.from, MergeSide::From)?;
    Ok(pair)
}

fn check_present(contact: &Contact, side: MergeSide) -> Result<(), MergeError> {
    match contact.columns.merged_into_id {
        Some(survivor) => Err(MergeError::Merged { side, survivor }),
        None if contact.columns.status == ContactStatus::Archived => Err(MergeError::Archived { side }),
        None => Ok(()),
    }
}

/// Merges a locked pair: phones, consents, tags and references of the one that goes become the other's, what the other lacks is
/// filled in, and the one that goes is archived and leads to the other. `also_moved` is what other domains moved in this
/// transaction, `also_stood` how things stood that they changed; both are kept with the rest, so that the merge can be undone.
///
/// # Errors
/// [`MergeError::DifferentTaxIds`] where both have a CPF and `keep` does not say whose counts.
pub async fn merge(
    tx: &mut TenantTx<'_>,
    pair: Pair,
    keep: &KeepChoices,
    also_moved: AlsoMoved,
    also_stood: AlsoStood,
) -> Result<MergeOutcome, MergeError> {
    let (into_id, from_id) = (pair.into_id(), pair.from_id());
    let cpfs = pair.into.columns.cpf.as_ref().zip(pair.from.columns.cpf.as_ref());
    if keep.tax_id.is_none() && cpfs.is_some_and(|(into, from)| into != from) {
        return Err(MergeError::DifferentTaxIds);
    }
    let Combined {
        change,
        phones,
        fields_before,
        fields_after,
    } = Combined::of(&pair, keep);
    let (consents, guarded, merged_before) = futures_util::try_join!(
        store::move_consents(tx, from_id, into_id),
        store::move_guarded(tx, from_id, into_id),
        store::move_redirects(tx, from_id, into_id),
    )?;
    // The one that goes lets go of its CPF before the other takes it.
    people::update(tx, from_id, gone(into_id, tx.now())).await?;
    people::update(tx, into_id, change).await?;
    if phones != pair.into.phones {
        people::replace_phones(tx, into_id, &phones).await?;
    }
    let mut counts: BTreeMap<&'static str, usize> = also_moved.iter().map(|(kind, rows)| (*kind, rows.len())).collect();
    counts.extend([("consents", consents.len()), ("guarded", guarded.len())]);
    for touched in guarded.iter().chain(&merged_before).chain([&into_id, &from_id]) {
        tx.touch(tags::contact(*touched));
    }
    tx.touch(tags::contacts());
    let changed: Vec<String> = fields_before.keys().cloned().collect();
    let moved = Moved {
        consents,
        guarded,
        merged_before,
        from_status: pair.from.columns.status,
        phones_before: pair.into.phones.clone().into_vec(),
        phones_after: phones.into_vec(),
        fields_before,
        fields_after,
        stood: also_stood,
        elsewhere: also_moved,
    };
    let id = ContactMergeId::new_at(tx.now());
    let moved = serde_json::to_value(moved).map_err(DbError::unwritable)?;
    store::insert_merge(tx, id, (from_id, into_id), moved).await?;
    tx.audit(
        AuditRecord::new("contacts.merge", "contact", into_id.as_uuid())
            .with_detail(json!({"from_id": from_id, "merge_id": id, "changed": changed, "moved": counts})),
    );
    let told = MergeEvent {
        contact_id: into_id,
        from_id,
        merge_id: id,
    };
    tx.emit(events::MERGED, &told);
    let contact = people::find(tx, into_id).await?.ok_or(MergeError::NotFound)?;
    Ok(MergeOutcome {
        id,
        contact,
        from_id,
        moved: counts,
    })
}

/// What becomes of the one that goes.
fn gone(into: ContactId, now: kernel::Timestamp) -> ChangedContact {
    ChangedContact {
        archived_at: Some(Some(now)),
        merged_into_id: Some(Some(into)),
        ..ChangedContact::keeping(ContactStatus::Archived)
    }
}
