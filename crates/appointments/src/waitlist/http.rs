//! The waiting list over HTTP: entries. Offers are in `offer_http`.

use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::TimeDelta;
use kernel::{ContactId, FieldErrors, PractitionerId, ServiceId, Timestamp, WaitlistEntryId};
use rest::permissions::{AppointmentsRead, AppointmentsWrite};
use rest::{AuditRecord, Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, Valid};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::error::WaitlistError;
use super::fill;
use super::model::{Entry, EntryChanges, EntryStatus, NewEntry};
use super::service;
use super::store::{self, EntryPosition, Narrowing};
use super::views::{AddToWaitlist, PatchWaitlistEntry, WaitlistEntryView, WaitlistMatchView};
use crate::availability::spans::Span;
use crate::moment::Moment;
use crate::outreach;
use crate::tags;

/// The longest time for which matches are looked for at once.
const LONGEST_MATCH: TimeDelta = TimeDelta::days(31);
/// How far ahead matches are looked for when no end is given.
const USUAL_MATCH: TimeDelta = TimeDelta::days(7);

/// Which entries.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitlistFilter {
    /// Only those in this status; may be repeated.
    status: Vec<EntryStatus>,
    /// Only those of this contact.
    contact_id: Option<ContactId>,
    /// Only those for this service.
    service_id: Option<ServiceId>,
    /// Only those who want this practitioner.
    practitioner_id: Option<PractitionerId>,
    /// Only those of this priority.
    priority: Option<i16>,
}

/// Lists the waiting list, in the order in which time is offered.
#[utoipa::path(tag = "waitlist", summary = "Lists the waiting list", operation_id = "list_waitlist",
    security(("bearer" = ["appointments:read"])), params(ListParams, WaitlistFilter),
    responses((status = 200, body = Page<WaitlistEntryView>)))]
#[get("/waitlist")]
pub(crate) async fn list_waitlist(
    caller: Authorized<AppointmentsRead>,
    list: ListQuery<WaitlistFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<EntryPosition, _>("waitlist.list", &list, &["priority"])?;
    let plan = ReadPlan::new("waitlist.list")
        .tag(tags::waitlist())
        .audit(AuditRecord::over("waitlist.list", "waitlist_entry"));
    caller
        .read_page(plan, &list, async |tx| {
            let narrowing = Narrowing {
                contact: list.filter.contact_id,
                service: list.filter.service_id,
                practitioner: list.filter.practitioner_id,
                priority: list.filter.priority,
                statuses: &list.filter.status,
                updated_since: list.updated_since,
            };
            let rows = store::page(tx, narrowing, &paging).await?;
            let position = |entry: &Entry| EntryPosition::from(entry);
            Ok::<_, WaitlistError>(paging.page(rows, position, WaitlistEntryView::from))
        })
        .await
}

/// Shows an entry of the waiting list.
#[utoipa::path(tag = "waitlist", summary = "Shows an entry of the waiting list", operation_id = "get_waitlist_entry",
    security(("bearer" = ["appointments:read"])), params(("id" = WaitlistEntryId, Path), RowQuery),
    responses((status = 200, body = WaitlistEntryView)))]
#[get("/waitlist/{id}")]
pub(crate) async fn get_waitlist_entry(
    caller: Authorized<AppointmentsRead>,
    id: PathId<WaitlistEntryId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("waitlist.get")
        .query(&id)
        .tag(tags::waitlist())
        .audit(AuditRecord::new("waitlist.read", "waitlist_entry", id.as_uuid()));
    caller
        .read(plan, &query, async |tx| {
            store::find(tx, id).await.map(WaitlistEntryView::from)
        })
        .await
}

/// Puts somebody on the waiting list.
///
/// Free time that suits them and nobody before them is offered at once.
#[utoipa::path(tag = "waitlist", summary = "Puts somebody on the waiting list", operation_id = "add_to_waitlist",
    security(("bearer" = ["appointments:write"])), request_body = AddToWaitlist,
    responses((status = 201, body = WaitlistEntryView), (status = 409, body = Problem, description = "`id_taken`")))]
#[post("/waitlist")]
pub(crate) async fn add_to_waitlist(
    caller: Authorized<AppointmentsWrite>,
    body: Valid<AddToWaitlist>,
) -> Result<HttpResponse, Problem> {
    let new = NewEntry::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let entry = service::add(tx, &new).await?;
            let location = format!("/v1/waitlist/{}", entry.id);
            Ok::<_, WaitlistError>(Reply::created(location, WaitlistEntryView::from(entry)))
        })
        .await
}

/// Changes an entry. When service, practitioner or windows change, an open offer is taken back.
#[utoipa::path(tag = "waitlist", summary = "Changes an entry of the waiting list", operation_id = "update_waitlist_entry",
    security(("bearer" = ["appointments:write"])), params(("id" = WaitlistEntryId, Path)), request_body = PatchWaitlistEntry,
    responses((status = 200, body = WaitlistEntryView),
        (status = 409, body = Problem, description = "`waitlist_entry_closed`")))]
#[patch("/waitlist/{id}")]
pub(crate) async fn update_waitlist_entry(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<WaitlistEntryId>,
    body: Valid<PatchWaitlistEntry>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let changes = EntryChanges::try_from(body.into_inner())?;
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let entry = service::update(tx, id, &changes, expected).await?;
            Ok::<_, WaitlistError>(Reply::ok(WaitlistEntryView::from(entry)))
        })
        .await
}

/// Takes somebody off the waiting list, and back what was offered to them.
#[utoipa::path(tag = "waitlist", summary = "Takes somebody off the waiting list", operation_id = "remove_from_waitlist",
    security(("bearer" = ["appointments:write"])), params(("id" = WaitlistEntryId, Path)),
    responses((status = 204, description = "off the list")))]
#[delete("/waitlist/{id}")]
pub(crate) async fn remove_from_waitlist(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<WaitlistEntryId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            service::remove(tx, id, expected).await?;
            Ok::<_, WaitlistError>(Reply::no_content())
        })
        .await
}

/// Which free time.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct MatchFilter {
    /// Whose time; anybody's when not given.
    practitioner_id: Option<PractitionerId>,
    /// Since when: a time, or a day in the clinic's zone; now when not given.
    #[param(value_type = Option<String>, example = "2026-11-24T09:00:00-03:00")]
    from: Option<Moment>,
    /// Until when the appointment must be over: a time, or a day to its end; a week after `from` when not given, at most 31 days.
    #[param(value_type = Option<String>, example = "2026-11-24T10:00:00-03:00")]
    to: Option<Moment>,
}

impl MatchFilter {
    fn window(&self, zone: kernel::Zone, now: Timestamp) -> Result<Span, FieldErrors> {
        let out_of_range = |name: &str| FieldErrors::one(name, "out_of_range", "a time lies between 1900 and 2200");
        let from = self
            .from
            .map_or(Some(now), |from| from.as_start(zone))
            .ok_or_else(|| out_of_range("from"))?;
        let to = self
            .to
            .map_or_else(|| Some(from.saturating_add(USUAL_MATCH)), |to| to.as_end(zone))
            .ok_or_else(|| out_of_range("to"))?;
        let window = Span::new(from, to)
            .ok_or_else(|| FieldErrors::one("to", "not_after_from", "the end must come after the start"))?;
        if to.since(from) > LONGEST_MATCH {
            return Err(FieldErrors::one("to", "too_long", "ask for at most 31 days at once"));
        }
        Ok(window)
    }
}

/// Lists who on the waiting list would take free time, in their order, each with the first time that suits.
///
/// One page of at most `limit`; nothing is kept for anybody.
#[utoipa::path(tag = "waitlist", summary = "Lists who would take free time", operation_id = "list_waitlist_matches",
    security(("bearer" = ["appointments:read"])), params(ListParams, MatchFilter),
    responses((status = 200, body = Page<WaitlistMatchView>)))]
#[get("/waitlist/matches")]
pub(crate) async fn waitlist_matches(
    caller: Authorized<AppointmentsRead>,
    list: ListQuery<MatchFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<EntryPosition, _>("waitlist.matches", &list, &["priority"])?;
    let now = caller.now();
    // Free time depends on more than any tag could tell.
    let plan = ReadPlan::new("waitlist.matches")
        .uncached()
        .audit(AuditRecord::over("waitlist.matches", "waitlist_entry"));
    caller
        .read_page(plan, &list, async |tx| {
            let zone = outreach::store::load(tx).await?.zone;
            let window = list.filter.window(zone, now)?;
            let most = usize::try_from(paging.limit()).unwrap_or(usize::MAX);
            let found = fill::matches(tx, list.filter.practitioner_id, window, most).await?;
            let rows = found.into_iter().map(WaitlistMatchView::from).collect();
            Ok::<_, WaitlistError>(Page::whole(rows))
        })
        .await
}
