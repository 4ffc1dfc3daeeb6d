//! The SQL of the settings.

use db::schema::{clinics, outreach_settings};
use db::{DbError, QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::Zone;

use super::error::OutreachError;
use super::model::{Outreach, OutreachChanges, OutreachHere};

const COLUMNS: (
    outreach_settings::offer_minutes,
    outreach_settings::offer_lead_minutes,
    outreach_settings::awake_from,
    outreach_settings::awake_until,
    outreach_settings::reply_hours,
    outreach_settings::version,
) = (
    outreach_settings::offer_minutes,
    outreach_settings::offer_lead_minutes,
    outreach_settings::awake_from,
    outreach_settings::awake_until,
    outreach_settings::reply_hours,
    outreach_settings::version,
);

/// The clinic's settings and its zone.
pub(crate) async fn load(tx: &TenantRead<'_>) -> Result<OutreachHere, DbError> {
    let (zone, settings): (Zone, Option<Outreach>) = clinics::table
        .left_join(outreach_settings::table.on(outreach_settings::clinic_id.eq(clinics::id)))
        .filter(clinics::id.eq(tx.clinic()))
        .select((clinics::zone, COLUMNS.nullable()))
        .get_result(&mut tx.conn())
        .await?;
    Ok(OutreachHere {
        settings: settings.unwrap_or(Outreach::DEFAULT),
        zone,
    })
}

/// Reads the settings and keeps others from changing them until the transaction ends; writes the defaults down first.
pub(super) async fn lock(tx: &TenantRead<'_>) -> Result<Outreach, DbError> {
    diesel::insert_into(outreach_settings::table)
        .values(outreach_settings::clinic_id.eq(tx.clinic()))
        .on_conflict_do_nothing()
        .execute(&mut tx.conn())
        .await?;
    outreach_settings::table
        .filter(outreach_settings::clinic_id.eq(tx.clinic()))
        .select(COLUMNS)
        .for_update()
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Writes `changes`, of which there is at least one.
pub(super) async fn update(tx: &TenantRead<'_>, changes: OutreachChanges) -> Result<Outreach, OutreachError> {
    diesel::update(outreach_settings::table.filter(outreach_settings::clinic_id.eq(tx.clinic())))
        .set(changes)
        .returning(COLUMNS)
        .get_result(&mut tx.conn())
        .await
        .on_constraint("outreach_settings_awake", || OutreachError::NoHours)
        .or_database()
}
