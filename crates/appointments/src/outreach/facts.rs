//! What the clinic's answers to replies are written from.

use db::schema::{appointments, clinics, practitioners};
use db::{DbError, QueryResultExt, TenantRead, named_by};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AppointmentId, Timestamp, Zone};

/// How the clinic speaks: the clock on its wall and its language.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Voice {
    /// The clinic's zone.
    pub zone: Zone,
    /// Its language and country, such as `pt-BR`.
    pub locale: String,
}

/// How the clinic speaks.
///
/// # Errors
/// The database's failure.
pub async fn voice(tx: &TenantRead<'_>) -> Result<Voice, DbError> {
    clinics::table
        .filter(clinics::id.eq(tx.clinic()))
        .select((clinics::zone, clinics::locale))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// An appointment as it is spoken of.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct VisitFacts {
    /// When it begins.
    pub starts_at: Timestamp,
    /// With whom.
    pub practitioner_name: String,
}

/// An appointment as it is spoken of; none when there is none.
///
/// # Errors
/// The database's failure.
pub async fn visit(tx: &TenantRead<'_>, id: AppointmentId) -> Result<Option<VisitFacts>, DbError> {
    appointments::table
        .inner_join(named_by!(practitioners, appointments::practitioner_id))
        .filter(appointments::clinic_id.eq(tx.clinic()))
        .filter(appointments::id.eq(id))
        .select((appointments::starts_at, practitioners::name))
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}
