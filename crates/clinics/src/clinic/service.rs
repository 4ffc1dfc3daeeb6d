//! The rules of the clinic's settings.

use db::{AuditRecord, TenantRead, TenantTx};
use kernel::Version;
use serde_json::json;

use super::model::{Clinic, ClinicChanges};
use super::store;
use crate::resource::error::{RowError, check_version, kind};
use crate::tags;

/// The caller's clinic.
///
/// # Errors
/// [`RowError::NotFound`] when the clinic does not exist.
pub async fn find(tx: &TenantRead<'_>) -> Result<Clinic, RowError> {
    store::find(tx).await
}

/// Changes the caller's clinic; `expected` is the version that the caller read, when it matters to them.
///
/// # Errors
/// [`RowError::VersionMismatch`] when it was changed in the meantime.
pub async fn update(
    tx: &mut TenantTx<'_>,
    changes: &ClinicChanges,
    expected: Option<Version>,
) -> Result<Clinic, RowError> {
    let current = store::lock(tx).await?;
    check_version(expected, current.version)?;
    let fields = changes.fields();
    if fields.is_empty() {
        return Ok(current);
    }
    let clinic = store::update(tx, changes).await?;
    tx.audit(
        AuditRecord::new("clinic.update", kind::CLINIC.name(), clinic.id.as_uuid())
            .with_detail(json!({ "changed": fields })),
    );
    tx.touch(tags::clinic());
    Ok(clinic)
}
