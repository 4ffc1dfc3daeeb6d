//! The rules of spans without work. Appointments already in a span stay: whoever makes it moves them.

use db::{AuditRecord, TenantTx};
use kernel::{TimeOffId, Version};
use serde_json::json;

use super::model::{NewTimeOff, TimeOff, TimeOffChanges, check_span};
use super::store;
use crate::resource::error::{RowError, kind};
use crate::schedule::{ScheduleError, check_practitioner};
use crate::tags;

const RESOURCE: &str = kind::TIME_OFF.name();

/// Makes a span.
///
/// # Errors
/// [`ScheduleError`]: the practitioner is unknown, the end not after the start, or the chosen id in use.
pub async fn create(tx: &mut TenantTx<'_>, new: &NewTimeOff) -> Result<TimeOff, ScheduleError> {
    check_span(new.starts_at, new.ends_at)?;
    check_practitioner(tx, new.practitioner_id).await?;
    let row = store::insert(tx, new).await?;
    tx.audit(AuditRecord::new("time_off.create", RESOURCE, row.id.as_uuid()));
    tx.touch(tags::time_off());
    Ok(row)
}

/// Changes a span; `expected` is the version that the caller read, when it matters to them.
///
/// # Errors
/// [`ScheduleError`]: no such span, changed in the meantime, or the end not after the start.
pub async fn update(
    tx: &mut TenantTx<'_>,
    id: TimeOffId,
    changes: &TimeOffChanges,
    expected: Option<Version>,
) -> Result<TimeOff, ScheduleError> {
    let current = store::lock(tx, id, expected).await?;
    let fields = changes.fields();
    if fields.is_empty() {
        return Ok(current);
    }
    check_span(
        changes.starts_at.unwrap_or(current.starts_at),
        changes.ends_at.unwrap_or(current.ends_at),
    )?;
    let row = store::update(tx, id, changes).await?;
    tx.audit(AuditRecord::new("time_off.update", RESOURCE, id.as_uuid()).with_detail(json!({ "changed": fields })));
    tx.touch(tags::time_off());
    Ok(row)
}

/// Deletes a span.
///
/// # Errors
/// [`RowError`]: no such span, or changed in the meantime.
pub async fn remove(tx: &mut TenantTx<'_>, id: TimeOffId, expected: Option<Version>) -> Result<(), RowError> {
    store::lock(tx, id, expected).await?;
    store::delete(tx, id).await?;
    tx.audit(AuditRecord::new("time_off.delete", RESOURCE, id.as_uuid()));
    tx.touch(tags::time_off());
    Ok(())
}
