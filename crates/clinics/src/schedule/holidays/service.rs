//! The rules of holidays. Appointments already on such a day stay: whoever makes it moves them.

use db::{AuditRecord, TenantTx};
use kernel::{HolidayId, Version};
use serde_json::json;

use super::error::HolidayError;
use super::model::{Holiday, HolidayChanges, NewHoliday};
use super::national::{NationalYear, national_holidays};
use super::store;
use crate::resource::error::{RowError, kind};
use crate::tags;

const RESOURCE: &str = kind::HOLIDAY.name();

/// Makes a holiday.
///
/// # Errors
/// [`HolidayError::DateTaken`], or the chosen id in use.
pub async fn create(tx: &mut TenantTx<'_>, new: &NewHoliday) -> Result<Holiday, HolidayError> {
    let holiday = store::insert(tx, new).await?;
    tx.audit(AuditRecord::new("holidays.create", RESOURCE, holiday.id.as_uuid()));
    tx.touch(tags::holidays());
    Ok(holiday)
}

/// Makes those of `new` whose day is no holiday yet, and gives these back in the order of their dates.
///
/// # Errors
/// A chosen id in use, or the database's failure.
pub async fn add_all(tx: &mut TenantTx<'_>, new: &[NewHoliday]) -> Result<Vec<Holiday>, RowError> {
    let mut added = store::insert_missing(tx, new).await?;
    if !added.is_empty() {
        added.sort_unstable_by_key(|holiday| holiday.date);
        let dates: Vec<_> = added.iter().map(|holiday| holiday.date).collect();
        tx.audit(AuditRecord::over("holidays.import", RESOURCE).with_detail(json!({ "dates": dates })));
        tx.touch(tags::holidays());
    }
    Ok(added)
}

/// Makes the national holidays of `year` (and Carnival and Corpus Christi, when asked for) whose days are no holidays yet.
///
/// # Errors
/// The database's failure.
pub async fn import_national(
    tx: &mut TenantTx<'_>,
    year: NationalYear,
    with_optional: bool,
) -> Result<Vec<Holiday>, RowError> {
    add_all(tx, &national_holidays(year, with_optional)).await
}

/// Changes a holiday; `expected` is the version that the caller read, when it matters to them.
///
/// # Errors
/// [`HolidayError`]: no such holiday, changed in the meantime, or the day is a holiday already.
pub async fn update(
    tx: &mut TenantTx<'_>,
    id: HolidayId,
    changes: &HolidayChanges,
    expected: Option<Version>,
) -> Result<Holiday, HolidayError> {
    let current = store::lock(tx, id, expected).await?;
    let fields = changes.fields();
    if fields.is_empty() {
        return Ok(current);
    }
    let holiday = store::update(tx, id, changes).await?;
    tx.audit(AuditRecord::new("holidays.update", RESOURCE, id.as_uuid()).with_detail(json!({ "changed": fields })));
    tx.touch(tags::holidays());
    Ok(holiday)
}

/// Deletes a holiday.
///
/// # Errors
/// [`RowError`]: no such holiday, or changed in the meantime.
pub async fn remove(tx: &mut TenantTx<'_>, id: HolidayId, expected: Option<Version>) -> Result<(), RowError> {
    store::lock(tx, id, expected).await?;
    store::delete(tx, id).await?;
    tx.audit(AuditRecord::new("holidays.delete", RESOURCE, id.as_uuid()));
    tx.touch(tags::holidays());
    Ok(())
}
