//! Every line of SQL about feeds and what they show.

use auth::secrets::SecretHash;
use chrono::TimeDelta;
use db::schema::functions::oldest_open_transaction;
use db::schema::{appointments, calendar_feeds, clinics, contacts, practitioners, rooms, services};
use db::{DbError, QueryResultExt, TenantRead, named_by};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::try_join;
use kernel::{Actor, CalendarFeedId, Timestamp, Version};
use rest::Paging;

use super::error::FeedError;
use super::model::{Feed, FeedPosition, FeedRow, NewFeed, OpenFeed, Scope};

/// Inserts a feed, of whose secret only the hash is kept.
pub(super) async fn insert(tx: &TenantRead<'_>, new: &NewFeed, hash: &SecretHash) -> Result<Feed, FeedError> {
    let created_by = match tx.actor() {
        Actor::User { user, .. } => Some(user),
        Actor::ApiKey { .. } | Actor::System { .. } => None,
    };
    diesel::insert_into(calendar_feeds::table)
        .values((
            calendar_feeds::clinic_id.eq(tx.clinic()),
            calendar_feeds::id.eq(CalendarFeedId::new_at(tx.now())),
            calendar_feeds::name.eq(&new.name),
            calendar_feeds::practitioner_id.eq(new.scope.practitioner()),
            calendar_feeds::room_id.eq(new.scope.room()),
            calendar_feeds::show_contact_names.eq(new.show_contact_names),
            calendar_feeds::secret_hash.eq(hash.as_bytes()),
            calendar_feeds::created_by.eq(created_by),
        ))
        .returning(Feed::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("calendar_feeds_clinic_id_practitioner_id_fkey", || {
            FeedError::UnknownPractitioner
        })
        .on_constraint("calendar_feeds_clinic_id_room_id_fkey", || FeedError::UnknownRoom)
        .or_database()
}

/// The feed `id`, revoked or not.
pub(super) async fn find(tx: &TenantRead<'_>, id: CalendarFeedId) -> Result<Feed, FeedError> {
    let found = calendar_feeds::table
        .filter(calendar_feeds::clinic_id.eq(tx.clinic()))
        .filter(calendar_feeds::id.eq(id))
        .select(Feed::as_select())
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database::<FeedError>()?;
    found.ok_or(FeedError::NotFound)
}

/// One page of the feeds that are open, or of those revoked, by when they were made.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    revoked: bool,
    updated_since: Option<Timestamp>,
    paging: &Paging<FeedPosition>,
) -> Result<Vec<Feed>, DbError> {
    let mut query = calendar_feeds::table
        .filter(calendar_feeds::clinic_id.eq(tx.clinic()))
        .filter(calendar_feeds::archived_at.is_not_null().eq(revoked))
        .select(Feed::as_select())
        .order((calendar_feeds::created_at, calendar_feeds::id))
        .limit(paging.fetch())
        .into_boxed();
    if let Some(since) = updated_since {
        query = query
            .filter(calendar_feeds::updated_at.ge(since))
            .filter(calendar_feeds::changed_in.lt(oldest_open_transaction()));
    }
    if let Some(FeedPosition { created_at, id }) = paging.after() {
        query = query.filter(calendar_feeds::created_at.ge(*created_at)).filter(
            calendar_feeds::created_at
                .gt(*created_at)
                .or(calendar_feeds::id.gt(*id)),
        );
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// Revokes the feed `id`, which must be at `expected` where that is given; says whether it was there and open.
pub(super) async fn revoke(
    tx: &TenantRead<'_>,
    id: CalendarFeedId,
    expected: Option<Version>,
) -> Result<bool, DbError> {
    let open = calendar_feeds::table
        .filter(calendar_feeds::clinic_id.eq(tx.clinic()))
        .filter(calendar_feeds::id.eq(id))
        .filter(calendar_feeds::archived_at.is_null());
    let set = calendar_feeds::archived_at.eq(tx.now());
    let revoked = match expected {
        Some(version) => {
            diesel::update(open.filter(calendar_feeds::version.eq(version)))
                .set(set)
                .execute(&mut tx.conn())
                .await
        }
        None => diesel::update(open).set(set).execute(&mut tx.conn()).await,
    };
    Ok(revoked? > 0)
}

/// The feed that the secret with this hash opens, unless it was revoked.
pub(super) async fn open(tx: &TenantRead<'_>, hash: &SecretHash) -> Result<OpenFeed, FeedError> {
    let found = calendar_feeds::table
        .inner_join(clinics::table.on(clinics::id.eq(calendar_feeds::clinic_id)))
        .filter(calendar_feeds::clinic_id.eq(tx.clinic()))
        .filter(calendar_feeds::secret_hash.eq(hash.as_bytes()))
        .filter(calendar_feeds::archived_at.is_null())
        .filter(clinics::status.eq("active"))
        .select((
            calendar_feeds::id,
            calendar_feeds::name,
            calendar_feeds::practitioner_id,
            calendar_feeds::room_id,
            calendar_feeds::show_contact_names,
            calendar_feeds::last_read_at,
            clinics::zone,
            clinics::locale,
        ))
        .get_result(&mut tx.conn())
        .await
        .optional()
        .or_database::<FeedError>()?;
    found.ok_or(FeedError::NotFound)
}

/// Notes that the feed `id` was read now, unless that was noted after `lately` already.
pub(super) async fn note_read(tx: &TenantRead<'_>, id: CalendarFeedId, lately: Timestamp) -> Result<bool, DbError> {
    let noted = diesel::update(calendar_feeds::table)
        .filter(calendar_feeds::clinic_id.eq(tx.clinic()))
        .filter(calendar_feeds::id.eq(id))
        .filter(calendar_feeds::archived_at.is_null())
        .filter(
            calendar_feeds::last_read_at
                .is_null()
                .or(calendar_feeds::last_read_at.lt(lately).assume_not_null()),
        )
        .set(calendar_feeds::last_read_at.eq(tx.now()))
        .execute(&mut tx.conn())
        .await?;
    Ok(noted > 0)
}

/// How far back a feed shows appointments.
const BACK: TimeDelta = TimeDelta::days(90);
/// How far ahead a feed shows appointments.
const AHEAD: TimeDelta = TimeDelta::days(365);
/// How many appointments a feed shows in each direction, the nearest first: the feed of a whole network of clinics would
/// otherwise be larger than calendar programs and this server bear.
pub(super) const MOST_EACH_WAY: usize = 5_000;

/// Appointments of the feed's clinic with the names that a feed shows.
macro_rules! entries {
    ($tx:expr, $scope:expr) => {{
        // One more, to know whether there are more.
        let most = i64::try_from(MOST_EACH_WAY).unwrap_or(i64::MAX);
        let mut query = appointments::table
            .inner_join(named_by!(contacts, appointments::contact_id))
            .inner_join(named_by!(practitioners, appointments::practitioner_id))
            .left_join(named_by!(rooms, appointments::room_id, nullable))
            .left_join(named_by!(services, appointments::service_id, nullable))
            .filter(appointments::clinic_id.eq($tx.clinic()))
            .select((
                appointments::id,
                appointments::starts_at,
                appointments::ends_at,
                appointments::status,
                appointments::sequence,
                appointments::created_at,
                appointments::updated_at,
                contacts::name,
                contacts::social_name,
                practitioners::name,
                rooms::name.nullable(),
                services::name.nullable(),
            ))
            .limit(most.saturating_add(1))
            .into_boxed();
        if let Some(practitioner) = $scope.practitioner() {
            query = query.filter(appointments::practitioner_id.eq(practitioner));
        }
        if let Some(room) = $scope.room() {
            query = query.filter(appointments::room_id.eq(room));
        }
        query
    }};
}

/// What a feed shows: from 90 days back to 365 ahead, in the order of time; and whether it is cut at either end. Two statements,
/// sent together.
pub(super) async fn entries(tx: &TenantRead<'_>, scope: Scope) -> Result<(Vec<FeedRow>, bool), DbError> {
    let now = tx.now();
    let past = entries!(tx, scope)
        .filter(appointments::starts_at.ge(now.saturating_add(-BACK)))
        .filter(appointments::starts_at.lt(now))
        .order((appointments::starts_at.desc(), appointments::id.desc()));
    let upcoming = entries!(tx, scope)
        .filter(appointments::starts_at.ge(now))
        .filter(appointments::starts_at.lt(now.saturating_add(AHEAD)))
        .order((appointments::starts_at.asc(), appointments::id.asc()));
    let (mut past_connection, mut upcoming_connection) = (tx.conn(), tx.conn());
    let (mut past, mut upcoming): (Vec<FeedRow>, Vec<FeedRow>) =
        try_join!(past.load(&mut past_connection), upcoming.load(&mut upcoming_connection))?;
    let is_cut = past.len() > MOST_EACH_WAY || upcoming.len() > MOST_EACH_WAY;
    past.truncate(MOST_EACH_WAY);
    upcoming.truncate(MOST_EACH_WAY);
    Ok((past.into_iter().rev().chain(upcoming).collect(), is_cut))
}
