//! Subscribing to calendars kept elsewhere, changing and giving up subscriptions.

use auth::ClinicKeys;
use auth::sealing::cell;
use db::{AuditRecord, Job, TenantTx};
use kernel::{ExternalCalendarId, FieldErrors, Lane, Version};

use super::error::ExternalError;
use super::fetching::{FETCH, FetchJob};
use super::model::{ExternalCalendar, NewSubscription, SubscriptionEdit};
use super::store::{self, NewRow, RowChanges};
use crate::tags;

/// How many subscriptions a practitioner may have.
const MOST_EACH: i64 = 10;

/// Where the address of calendar `id` is sealed.
pub(super) fn place(id: ExternalCalendarId) -> String {
    cell("external_calendars", "url_sealed", id.as_uuid())
}

/// Subscribes to a calendar; it is fetched soon after.
pub(super) async fn subscribe(
    tx: &mut TenantTx<'_>,
    keys: &ClinicKeys,
    new: &NewSubscription,
) -> Result<ExternalCalendar, ExternalError> {
    let unknown = |code, message: &str| FieldErrors::one("/practitioner_id", code, message);
    match store::practitioner(tx, new.practitioner).await? {
        None => return Err(unknown("unknown", "there is no such practitioner").into()),
        Some((true, _)) => return Err(unknown("archived", "the practitioner is archived").into()),
        Some((false, count)) if count >= MOST_EACH => return Err(ExternalError::TooMany(MOST_EACH)),
        Some(_) => {}
    }
    let id = ExternalCalendarId::new_at(tx.now());
    let row = NewRow {
        clinic_id: tx.clinic(),
        id,
        practitioner_id: new.practitioner,
        name: &new.name,
        url_sealed: keys.seal(tx, &place(id), new.target.reveal().as_bytes()).await?,
        url_host: new.target.host(),
        refresh_minutes: new.refresh_minutes,
        next_attempt_at: Some(tx.now()),
    };
    let calendar = store::insert(tx, row).await?;
    note(tx, "external_calendars.create", id);
    fetch_now(tx, &calendar);
    Ok(calendar)
}

/// Changes a subscription; with another address it is fetched soon after.
pub(super) async fn edit(
    tx: &mut TenantTx<'_>,
    keys: &ClinicKeys,
    id: ExternalCalendarId,
    expected: Option<Version>,
    edit: SubscriptionEdit,
) -> Result<ExternalCalendar, ExternalError> {
    let before = lock(tx, id, expected).await?;
    let SubscriptionEdit {
        name,
        target,
        refresh_minutes,
    } = edit;
    let mut changes = RowChanges {
        name,
        refresh_minutes,
        // Whoever is fetching now did so for what was.
        turn: Some(before.turn.saturating_add(1)),
        next_attempt_at: Some(Some(tx.now())),
        ..RowChanges::default()
    };
    if let Some(target) = target {
        changes.url_sealed = Some(keys.seal(tx, &place(id), target.reveal().as_bytes()).await?);
        changes.url_host = Some(target.host().to_owned());
        changes.etag = Some(None);
        changes.last_modified = Some(None);
        changes.expanded_at = Some(None);
    }
    let calendar = store::update(tx, id, changes).await?;
    note(tx, "external_calendars.update", id);
    fetch_now(tx, &calendar);
    Ok(calendar)
}

/// Has the calendar fetched now.
pub(super) async fn refresh(tx: &mut TenantTx<'_>, id: ExternalCalendarId) -> Result<ExternalCalendar, ExternalError> {
    let before = lock(tx, id, None).await?;
    let changes = RowChanges {
        turn: Some(before.turn.saturating_add(1)),
        next_attempt_at: Some(Some(tx.now())),
        ..RowChanges::default()
    };
    let calendar = store::update(tx, id, changes).await?;
    note(tx, "external_calendars.refresh", id);
    fetch_now(tx, &calendar);
    Ok(calendar)
}

/// Gives a subscription up: what it said keeps nobody busy any more. One that was given up already stays so.
pub(super) async fn archive(
    tx: &mut TenantTx<'_>,
    id: ExternalCalendarId,
    expected: Option<Version>,
) -> Result<(), ExternalError> {
    let before = match lock(tx, id, expected).await {
        Err(ExternalError::Archived) => return Ok(()),
        other => other?,
    };
    store::replace_blocks(tx, id, before.practitioner_id, &[]).await?;
    let changes = RowChanges {
        archived_at: Some(Some(tx.now())),
        turn: Some(before.turn.saturating_add(1)),
        next_attempt_at: Some(None),
        busy_blocks: Some(0),
        ..RowChanges::default()
    };
    store::update(tx, id, changes).await?;
    note(tx, "external_calendars.archive", id);
    Ok(())
}

async fn lock(
    tx: &TenantTx<'_>,
    id: ExternalCalendarId,
    expected: Option<Version>,
) -> Result<ExternalCalendar, ExternalError> {
    let calendar = store::lock(tx, id).await?;
    if calendar.archived_at.is_some() {
        return Err(ExternalError::Archived);
    }
    if expected.is_some_and(|version| version != calendar.version) {
        return Err(ExternalError::Stale);
    }
    Ok(calendar)
}

fn note(tx: &mut TenantTx<'_>, action: &'static str, id: ExternalCalendarId) {
    tx.audit(AuditRecord::new(action, "external_calendar", id.as_uuid()));
    tx.touch(tags::external_calendars());
}

fn fetch_now(tx: &mut TenantTx<'_>, calendar: &ExternalCalendar) {
    let job = FetchJob {
        calendar_id: calendar.id,
        turn: calendar.turn,
    };
    tx.enqueue(Job::new(FETCH, &job).lane(Lane::Routine));
}
