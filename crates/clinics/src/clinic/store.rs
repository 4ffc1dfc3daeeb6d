//! The SQL of the clinic's settings.

use db::schema::clinics;
use db::{QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::model::{Clinic, ClinicChanges};
use crate::resource::error::{RowError, kind};

/// The caller's clinic.
pub(super) async fn find(tx: &TenantRead<'_>) -> Result<Clinic, RowError> {
    clinics::table
        .filter(clinics::id.eq(tx.clinic()))
        .select(Clinic::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::CLINIC))
}

/// The caller's clinic, kept from other writers until the transaction ends.
pub(crate) async fn lock(tx: &TenantRead<'_>) -> Result<Clinic, RowError> {
    clinics::table
        .filter(clinics::id.eq(tx.clinic()))
        .select(Clinic::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .ok_or(RowError::NotFound(kind::CLINIC))
}

/// Writes `changes`, of which there is at least one.
pub(super) async fn update(tx: &TenantRead<'_>, changes: &ClinicChanges) -> Result<Clinic, RowError> {
    diesel::update(clinics::table)
        .filter(clinics::id.eq(tx.clinic()))
        .set(changes)
        .returning(Clinic::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}
