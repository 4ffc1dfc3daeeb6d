//! The rules of the weekly hours: no two entries of one owner share a minute.
//!
//! Whoever writes hours holds the clinic's row, so that two entries that overlap cannot be written at the same moment.
//! Appointments outside new hours stay: whoever changes the hours moves them.

use db::{AuditRecord, TenantRead, TenantTx};
use kernel::{FieldErrors, OpeningHoursId, PractitionerId, Version};
use serde_json::json;

use super::model::{HoursEntry, NewHours, OpeningHours};
use super::overlap::{overlap, overlapping};
use super::store;
use crate::clinic;
use crate::resource::error::{RowError, kind};
use crate::schedule::{ScheduleError, check_practitioner};
use crate::tags;

const RESOURCE: &str = kind::OPENING_HOURS.name();

/// Makes an entry.
///
/// # Errors
/// [`ScheduleError`]: the practitioner is unknown, the entry overlaps another, or the chosen id is in use.
pub async fn create(tx: &mut TenantTx<'_>, new: &NewHours) -> Result<OpeningHours, ScheduleError> {
    clinic::store::lock(tx).await?;
    check_practitioner(tx, new.practitioner_id).await?;
    check_free(tx, new.practitioner_id, None, &new.entry).await?;
    let row = store::insert(tx, std::slice::from_ref(new)).await?.pop();
    let row = row.ok_or(RowError::NotFound(kind::OPENING_HOURS))?;
    tx.audit(AuditRecord::new("opening_hours.create", RESOURCE, row.id.as_uuid()));
    tx.touch(tags::opening_hours());
    Ok(row)
}

/// Changes an entry by `change`; `expected` is the version that the caller read, when it matters to them.
///
/// # Errors
/// [`ScheduleError`]: no such entry, changed in the meantime, what `change` refuses, or it overlaps another.
pub async fn update(
    tx: &mut TenantTx<'_>,
    id: OpeningHoursId,
    change: impl FnOnce(HoursEntry) -> Result<HoursEntry, FieldErrors>,
    expected: Option<Version>,
) -> Result<OpeningHours, ScheduleError> {
    clinic::store::lock(tx).await?;
    let current = store::lock(tx, id, expected).await?;
    let entry = change(current.entry)?;
    if entry == current.entry {
        return Ok(current);
    }
    check_free(tx, current.practitioner_id, Some(id), &entry).await?;
    let row = store::update(tx, id, &entry).await?;
    tx.audit(AuditRecord::new("opening_hours.update", RESOURCE, id.as_uuid()));
    tx.touch(tags::opening_hours());
    Ok(row)
}

/// Deletes an entry.
///
/// # Errors
/// [`RowError`]: no such entry, or changed in the meantime.
pub async fn remove(tx: &mut TenantTx<'_>, id: OpeningHoursId, expected: Option<Version>) -> Result<(), RowError> {
    store::lock(tx, id, expected).await?;
    store::delete(tx, id).await?;
    tx.audit(AuditRecord::new("opening_hours.delete", RESOURCE, id.as_uuid()));
    tx.touch(tags::opening_hours());
    Ok(())
}

/// Makes `entries` the whole week of a practitioner, or without one of the clinic, in place of what there was.
///
/// # Errors
/// [`ScheduleError`]: the practitioner is unknown, or entries overlap: each by its place under `/hours`.
pub async fn replace_week(
    tx: &mut TenantTx<'_>,
    practitioner_id: Option<PractitionerId>,
    entries: &[HoursEntry],
) -> Result<Vec<OpeningHours>, ScheduleError> {
    check_week(entries)?;
    clinic::store::lock(tx).await?;
    check_practitioner(tx, practitioner_id).await?;
    let removed = store::delete_of_owner(tx, practitioner_id).await?;
    let new: Vec<_> = entries
        .iter()
        .map(|&entry| NewHours {
            id: None,
            practitioner_id,
            entry,
        })
        .collect();
    let mut rows = if new.is_empty() {
        Vec::new()
    } else {
        store::insert(tx, &new).await?
    };
    rows.sort_unstable_by_key(|row| (row.entry.weekday.number(), row.entry.opens_at, row.id));
    let record = match &practitioner_id {
        Some(practitioner) => AuditRecord::new(
            "opening_hours.replace_week",
            kind::PRACTITIONER.name(),
            practitioner.as_uuid(),
        ),
        None => AuditRecord::over("opening_hours.replace_week", kind::CLINIC.name()),
    };
    tx.audit(record.with_detail(json!({ "removed": removed, "added": rows.len() })));
    tx.touch(tags::opening_hours());
    Ok(rows)
}

/// No two of `entries` share a minute.
fn check_week(entries: &[HoursEntry]) -> Result<(), FieldErrors> {
    let mut errors = FieldErrors::new();
    for index in overlapping(entries) {
        errors.push(
            format!("/hours/{index}"),
            "overlapping_hours",
            "overlaps an entry before it",
        );
    }
    errors.finish(Some(()))
}

/// No entry of the owner, but the one that is being changed, shares a minute with `entry`.
async fn check_free(
    tx: &TenantRead<'_>,
    owner: Option<PractitionerId>,
    but: Option<OpeningHoursId>,
    entry: &HoursEntry,
) -> Result<(), ScheduleError> {
    let others = store::of_owner(tx, owner).await?;
    if others
        .iter()
        .any(|(id, other)| Some(*id) != but && overlap(other, entry))
    {
        return Err(FieldErrors::one(
            "/opens_at",
            "overlapping_hours",
            "overlaps another entry of the same week",
        )
        .into());
    }
    Ok(())
}
