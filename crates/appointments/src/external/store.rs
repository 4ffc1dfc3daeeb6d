//! Every line of SQL about calendars kept elsewhere and what they say.

use db::schema::functions::oldest_open_transaction;
use db::schema::{clinics, external_busy, external_calendars, practitioners};
use db::{DbError, QueryResultExt, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::text::Label;
use kernel::{ClinicId, ExternalCalendarId, PractitionerId, Timestamp, Zone};
use rest::Paging;

use super::error::ExternalError;
use super::model::{ExternalCalendar, ExternalPosition, Fetchable};
use crate::availability::spans::Span;

/// A subscription to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = external_calendars, treat_none_as_default_value = false)]
pub(super) struct NewRow<'a> {
    pub(super) clinic_id: ClinicId,
    pub(super) id: ExternalCalendarId,
    pub(super) practitioner_id: PractitionerId,
    pub(super) name: &'a Label,
    pub(super) url_sealed: Vec<u8>,
    pub(super) url_host: &'a str,
    pub(super) refresh_minutes: i32,
    pub(super) next_attempt_at: Option<Timestamp>,
}

/// What changes; `None` in the outer option keeps.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = external_calendars)]
pub(super) struct RowChanges {
    pub(super) name: Option<Label>,
    pub(super) url_sealed: Option<Vec<u8>>,
    pub(super) url_host: Option<String>,
    pub(super) refresh_minutes: Option<i32>,
    pub(super) turn: Option<i64>,
    pub(super) etag: Option<Option<String>>,
    pub(super) last_modified: Option<Option<String>>,
    pub(super) attempted_at: Option<Option<Timestamp>>,
    pub(super) fetched_at: Option<Option<Timestamp>>,
    pub(super) expanded_at: Option<Option<Timestamp>>,
    pub(super) next_attempt_at: Option<Option<Timestamp>>,
    pub(super) failures: Option<i32>,
    pub(super) last_error: Option<Option<String>>,
    pub(super) busy_blocks: Option<i32>,
    pub(super) skipped_events: Option<i32>,
    pub(super) archived_at: Option<Option<Timestamp>>,
}

/// Inserts a subscription.
pub(super) async fn insert(tx: &TenantRead<'_>, new: NewRow<'_>) -> Result<ExternalCalendar, DbError> {
    diesel::insert_into(external_calendars::table)
        .values(new)
        .returning(ExternalCalendar::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Whether the practitioner is there and not archived, and how many subscriptions they have. Locks their row, so that two at
/// once are counted one after the other.
pub(super) async fn practitioner(tx: &TenantRead<'_>, id: PractitionerId) -> Result<Option<(bool, i64)>, DbError> {
    let archived: Option<bool> = practitioners::table
        .filter(practitioners::clinic_id.eq(tx.clinic()))
        .filter(practitioners::id.eq(id))
        .select(practitioners::archived_at.is_not_null())
        .for_no_key_update()
        .get_result(&mut tx.conn())
        .await
        .optional()?;
    let Some(archived) = archived else {
        return Ok(None);
    };
    let count = external_calendars::table
        .filter(external_calendars::clinic_id.eq(tx.clinic()))
        .filter(external_calendars::practitioner_id.eq(id))
        .filter(external_calendars::archived_at.is_null())
        .count()
        .get_result(&mut tx.conn())
        .await?;
    Ok(Some((archived, count)))
}

/// The subscription `id`.
pub(super) async fn find(tx: &TenantRead<'_>, id: ExternalCalendarId) -> Result<ExternalCalendar, ExternalError> {
    let found = external_calendars::table
        .filter(external_calendars::clinic_id.eq(tx.clinic()))
        .filter(external_calendars::id.eq(id))
        .select(ExternalCalendar::as_select())
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database::<ExternalError>()?;
    found.ok_or(ExternalError::NotFound)
}

/// The subscription `id`, which nobody else changes until the transaction ends.
pub(super) async fn lock(tx: &TenantRead<'_>, id: ExternalCalendarId) -> Result<ExternalCalendar, ExternalError> {
    let found = external_calendars::table
        .filter(external_calendars::clinic_id.eq(tx.clinic()))
        .filter(external_calendars::id.eq(id))
        .select(ExternalCalendar::as_select())
        .for_no_key_update()
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database::<ExternalError>()?;
    found.ok_or(ExternalError::NotFound)
}

/// What is needed to fetch `id`, and the clinic's zone.
pub(super) async fn fetchable(
    tx: &TenantRead<'_>,
    id: ExternalCalendarId,
) -> Result<Option<(Fetchable, Zone)>, DbError> {
    external_calendars::table
        .inner_join(clinics::table.on(clinics::id.eq(external_calendars::clinic_id)))
        .filter(external_calendars::clinic_id.eq(tx.clinic()))
        .filter(external_calendars::id.eq(id))
        .select((Fetchable::as_select(), clinics::zone))
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Writes `changes`.
pub(super) async fn update(
    tx: &TenantRead<'_>,
    id: ExternalCalendarId,
    changes: RowChanges,
) -> Result<ExternalCalendar, DbError> {
    diesel::update(
        external_calendars::table
            .filter(external_calendars::clinic_id.eq(tx.clinic()))
            .filter(external_calendars::id.eq(id)),
    )
    .set(changes)
    .returning(ExternalCalendar::as_returning())
    .get_result(&mut tx.conn())
    .await
    .or_database()
}

/// Puts `blocks` in the place of what calendar `id` of `practitioner` said before.
pub(super) async fn replace_blocks(
    tx: &TenantRead<'_>,
    id: ExternalCalendarId,
    practitioner: PractitionerId,
    blocks: &[Span],
) -> Result<(), DbError> {
    diesel::delete(
        external_busy::table
            .filter(external_busy::clinic_id.eq(tx.clinic()))
            .filter(external_busy::calendar_id.eq(id)),
    )
    .execute(&mut tx.conn())
    .await?;
    // Five values each: a statement takes 65,535.
    for part in blocks.chunks(5_000) {
        let rows: Vec<_> = part
            .iter()
            .map(|block| {
                (
                    external_busy::clinic_id.eq(tx.clinic()),
                    external_busy::calendar_id.eq(id),
                    external_busy::starts_at.eq(block.starts_at()),
                    external_busy::ends_at.eq(block.ends_at()),
                    external_busy::practitioner_id.eq(practitioner),
                )
            })
            .collect();
        diesel::insert_into(external_busy::table)
            .values(rows)
            .execute(&mut tx.conn())
            .await?;
    }
    Ok(())
}

/// One page of the subscriptions that are alive, or of those given up, by when they were made.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    practitioner: Option<PractitionerId>,
    archived: bool,
    updated_since: Option<Timestamp>,
    paging: &Paging<ExternalPosition>,
) -> Result<Vec<ExternalCalendar>, DbError> {
    let mut query = external_calendars::table
        .filter(external_calendars::clinic_id.eq(tx.clinic()))
        .filter(external_calendars::archived_at.is_not_null().eq(archived))
        .select(ExternalCalendar::as_select())
        .order((external_calendars::created_at, external_calendars::id))
        .limit(paging.fetch())
        .into_boxed();
    if let Some(practitioner) = practitioner {
        query = query.filter(external_calendars::practitioner_id.eq(practitioner));
    }
    if let Some(since) = updated_since {
        query = query
            .filter(external_calendars::updated_at.ge(since))
            .filter(external_calendars::changed_in.lt(oldest_open_transaction()));
    }
    if let Some(ExternalPosition { created_at, id }) = paging.after() {
        query = query.filter(external_calendars::created_at.ge(*created_at)).filter(
            external_calendars::created_at
                .gt(*created_at)
                .or(external_calendars::id.gt(*id)),
        );
    }
    query.load(&mut tx.conn()).await.or_database()
}
