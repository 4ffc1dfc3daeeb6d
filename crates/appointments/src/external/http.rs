//! Calendars kept elsewhere over HTTP: handlers alone.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch, post};
use auth::ClinicKeys;
use fetch::{AllowedNetworks, Target};
use kernel::text::Label;
use kernel::{ExternalCalendarId, FieldErrors, PractitionerId, Timestamp, Version};
use rest::permissions::{AppointmentsRead, AppointmentsWrite};
use rest::{
    Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, TimeToLive, Valid, View,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ExternalError;
use super::model::{ExternalCalendar, ExternalPosition, NewSubscription, SubscriptionEdit};
use super::{service, store};
use crate::tags;

/// A calendar kept elsewhere. Its address, which is a secret, is not shown again.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ExternalCalendarView {
    /// The subscription.
    id: ExternalCalendarId,
    /// Whom its events keep busy.
    practitioner_id: PractitionerId,
    /// What it is called here.
    name: Label,
    /// The host of its address.
    #[schema(example = "calendar.google.com")]
    host: String,
    /// How often it is fetched, in minutes.
    refresh_minutes: i32,
    /// When it was last tried.
    attempted_at: Option<Timestamp>,
    /// When it was last fetched; its blocks are as of then.
    fetched_at: Option<Timestamp>,
    /// When it is tried next.
    next_attempt_at: Option<Timestamp>,
    /// How often it failed since it was last fetched.
    failures: i32,
    /// Why it failed last: `address_not_allowed`, `unknown_host`, `unreachable`, `timed_out`, `too_large`, `bad_redirect`,
    /// `http_404` and the like, `not_a_calendar`, `too_complex`; null when it did not.
    #[schema(example = "timed_out")]
    last_error: Option<String>,
    /// How many blocks of busy time it makes.
    busy_blocks: i32,
    /// How many of its events were not understood, and keep nobody busy.
    skipped_events: i32,
    /// When it was given up.
    archived_at: Option<Timestamp>,
    /// How often it was written.
    #[schema(inline)]
    version: Version,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last written.
    updated_at: Timestamp,
}

impl View for ExternalCalendarView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<ExternalCalendar> for ExternalCalendarView {
    fn from(calendar: ExternalCalendar) -> Self {
        let ExternalCalendar {
            id,
            practitioner_id,
            name,
            url_host,
            refresh_minutes,
            turn: _,
            attempted_at,
            fetched_at,
            next_attempt_at,
            failures,
            last_error,
            busy_blocks,
            skipped_events,
            archived_at,
            version,
            created_at,
            updated_at,
        } = calendar;
        Self {
            id,
            practitioner_id,
            name,
            host: url_host,
            refresh_minutes,
            attempted_at,
            fetched_at,
            next_attempt_at,
            failures,
            last_error,
            busy_blocks,
            skipped_events,
            archived_at,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A subscription that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateExternalCalendar {
    /// Whom its events keep busy.
    practitioner_id: PractitionerId,
    /// What it is called here.
    #[schema(value_type = Label)]
    name: String,
    /// Its address, which begins with `https://`; kept sealed and not shown again.
    #[schema(example = "https://calendar.google.com/calendar/ical/…/private-…/basic.ics")]
    url: String,
    /// How often it is fetched: 15 to 1440 minutes.
    #[serde(default = "hourly")]
    #[schema(default = 60, minimum = 15, maximum = 1440)]
    refresh_minutes: i32,
}

const fn hourly() -> i32 {
    60
}

fn take_url(errors: &mut FieldErrors, url: &str, allowed: &AllowedNetworks) -> Option<Target> {
    Target::parse(url, allowed)
        .map_err(|error| errors.push("/url", error.code(), error))
        .ok()
}

fn check_refresh(errors: &mut FieldErrors, minutes: i32) {
    if !(15..=1440).contains(&minutes) {
        errors.push("/refresh_minutes", "out_of_range", "must be from 15 to 1440 minutes");
    }
}

impl CreateExternalCalendar {
    fn into_subscription(self, allowed: &AllowedNetworks) -> Result<NewSubscription, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.read("/name", Label::parse(&self.name));
        let target = take_url(&mut errors, &self.url, allowed);
        check_refresh(&mut errors, self.refresh_minutes);
        errors.finish(name.zip(target).map(|(name, target)| NewSubscription {
            practitioner: self.practitioner_id,
            name,
            target,
            refresh_minutes: self.refresh_minutes,
        }))
    }
}

/// Changes of a subscription.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditExternalCalendar {
    /// What it is called here.
    #[schema(value_type = Option<Label>)]
    name: Option<String>,
    /// Its address.
    url: Option<String>,
    /// How often it is fetched: 15 to 1440 minutes.
    #[schema(minimum = 15, maximum = 1440)]
    refresh_minutes: Option<i32>,
}

impl EditExternalCalendar {
    fn into_edit(self, allowed: &AllowedNetworks) -> Result<SubscriptionEdit, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.read_if_given("/name", self.name, |name| Label::parse(&name));
        let target = self.url.and_then(|url| take_url(&mut errors, &url, allowed));
        if let Some(minutes) = self.refresh_minutes {
            check_refresh(&mut errors, minutes);
        }
        errors.finish(Some(SubscriptionEdit {
            name,
            target,
            refresh_minutes: self.refresh_minutes,
        }))
    }
}

/// Which subscriptions.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExternalFilter {
    /// Only those of this practitioner.
    practitioner_id: Option<PractitionerId>,
    /// Those that were given up, instead of those that are fetched.
    archived: bool,
}

/// Subscribes to a calendar that a practitioner keeps elsewhere. Its events keep them busy here: slots leave them out, and bookings
/// then are refused with `outside_hours` unless they overbook. What the events are about is not kept.
#[utoipa::path(tag = "calendar", summary = "Subscribes to an external calendar", operation_id = "create_external_calendar",
    security(("bearer" = ["appointments:write"])), request_body = CreateExternalCalendar,
    responses((status = 201, body = ExternalCalendarView),
        (status = 409, body = Problem, description = "`too_many_external_calendars`")))]
#[post("/calendar/external")]
pub(crate) async fn create_external_calendar(
    caller: Authorized<AppointmentsWrite>,
    keys: Data<ClinicKeys>,
    allowed: Data<AllowedNetworks>,
    body: Valid<CreateExternalCalendar>,
) -> Result<HttpResponse, Problem> {
    let new = body.into_inner().into_subscription(&allowed)?;
    caller
        .write(async |tx| {
            let calendar = service::subscribe(tx, &keys, &new).await?;
            let location = format!("/v1/calendar/external/{}", calendar.id);
            Ok::<_, ExternalError>(Reply::created(location, ExternalCalendarView::from(calendar)))
        })
        .await
}

/// Lists the external calendars that are fetched, or those given up, by when they were made.
#[utoipa::path(tag = "calendar", summary = "Lists external calendars", operation_id = "list_external_calendars",
    security(("bearer" = ["appointments:read"])), params(ListParams, ExternalFilter),
    responses((status = 200, body = Page<ExternalCalendarView>)))]
#[get("/calendar/external")]
pub(crate) async fn list_external_calendars(
    caller: Authorized<AppointmentsRead>,
    list: ListQuery<ExternalFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<ExternalPosition, _>("external_calendars.list", &list, &["created_at"])?;
    let filter = list.filter;
    let plan = ReadPlan::new("external_calendars.list")
        .tag(tags::external_calendars())
        .live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::page(tx, filter.practitioner_id, filter.archived, list.updated_since, &paging).await?;
            Ok::<_, ExternalError>(paging.page(rows, ExternalCalendar::position, ExternalCalendarView::from))
        })
        .await
}

/// Shows an external calendar, and how its fetching goes.
#[utoipa::path(tag = "calendar", summary = "Shows an external calendar", operation_id = "get_external_calendar",
    security(("bearer" = ["appointments:read"])), params(("id" = ExternalCalendarId, Path), RowQuery),
    responses((status = 200, body = ExternalCalendarView)))]
#[get("/calendar/external/{id}")]
pub(crate) async fn get_external_calendar(
    caller: Authorized<AppointmentsRead>,
    id: PathId<ExternalCalendarId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("external_calendars.get")
        .query(&id)
        .tag(tags::external_calendars())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| {
            store::find(tx, id).await.map(ExternalCalendarView::from)
        })
        .await
}

/// Changes name, address or interval of an external calendar; it is fetched soon after.
#[utoipa::path(tag = "calendar", summary = "Changes an external calendar", operation_id = "update_external_calendar",
    security(("bearer" = ["appointments:write"])), params(("id" = ExternalCalendarId, Path)), request_body = EditExternalCalendar,
    responses((status = 200, body = ExternalCalendarView),
        (status = 409, body = Problem, description = "`external_calendar_archived`")))]
#[patch("/calendar/external/{id}")]
pub(crate) async fn edit_external_calendar(
    caller: Authorized<AppointmentsWrite>,
    keys: Data<ClinicKeys>,
    allowed: Data<AllowedNetworks>,
    id: PathId<ExternalCalendarId>,
    body: Valid<EditExternalCalendar>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let edit = body.into_inner().into_edit(&allowed)?;
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let calendar = service::edit(tx, &keys, id, expected, edit.clone()).await?;
            Ok::<_, ExternalError>(Reply::ok(ExternalCalendarView::from(calendar)))
        })
        .await
}

/// Has an external calendar fetched now.
#[utoipa::path(tag = "calendar", summary = "Fetches an external calendar now", operation_id = "refresh_external_calendar",
    security(("bearer" = ["appointments:write"])), params(("id" = ExternalCalendarId, Path)),
    responses((status = 202, body = ExternalCalendarView),
        (status = 409, body = Problem, description = "`external_calendar_archived`")))]
#[post("/calendar/external/{id}/refresh")]
pub(crate) async fn refresh_external_calendar(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<ExternalCalendarId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            let calendar = service::refresh(tx, id).await?;
            Ok::<_, ExternalError>(Reply::accepted(ExternalCalendarView::from(calendar)))
        })
        .await
}

/// Gives an external calendar up: its events keep nobody busy any more.
#[utoipa::path(tag = "calendar", summary = "Gives an external calendar up", operation_id = "archive_external_calendar",
    security(("bearer" = ["appointments:write"])), params(("id" = ExternalCalendarId, Path)),
    responses((status = 204, description = "it is fetched no more")))]
#[delete("/calendar/external/{id}")]
pub(crate) async fn archive_external_calendar(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<ExternalCalendarId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            service::archive(tx, id, expected).await?;
            Ok::<_, ExternalError>(Reply::no_content())
        })
        .await
}
