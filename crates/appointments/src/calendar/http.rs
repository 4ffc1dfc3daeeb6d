//! Feeds over HTTP, for those who make and revoke them.

use actix_web::{HttpResponse, delete, get, post};
use auth::secrets::CalendarFeedToken;
use kernel::text::Label;
use kernel::{CalendarFeedId, FieldErrors, Permission, PractitionerId, RoomId, Timestamp, UserId, Version};
use rest::permissions::{AppointmentsRead, AppointmentsWrite};
use rest::{
    Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, TimeToLive, Valid, View,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::FeedError;
use super::model::{Feed, FeedPosition, NewFeed, Scope};
use super::{service, store};
use crate::tags;

/// A feed, without its secret address.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FeedView {
    /// The feed.
    id: CalendarFeedId,
    /// What calendar programs call it.
    name: Label,
    /// Whose agenda it shows; null for a room's or the whole clinic's.
    practitioner_id: Option<PractitionerId>,
    /// Which room's agenda it shows; null for a practitioner's or the whole clinic's.
    room_id: Option<RoomId>,
    /// Whether it names the people who come; else it shows their initials.
    show_contact_names: bool,
    /// Who made it.
    created_by: Option<UserId>,
    /// When it was last fetched, to the hour.
    last_read_at: Option<Timestamp>,
    /// When it was revoked.
    archived_at: Option<Timestamp>,
    /// How often it was written.
    #[schema(inline)]
    version: Version,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last written.
    updated_at: Timestamp,
}

impl View for FeedView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Feed> for FeedView {
    fn from(feed: Feed) -> Self {
        let Feed {
            id,
            name,
            practitioner_id,
            room_id,
            show_contact_names,
            created_by,
            last_read_at,
            archived_at,
            version,
            created_at,
            updated_at,
        } = feed;
        Self {
            id,
            name,
            practitioner_id,
            room_id,
            show_contact_names,
            created_by,
            last_read_at,
            archived_at,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A feed just made, with its secret address, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewFeedView {
    /// The feed.
    feed: FeedView,
    /// The secret in the address. Who has it may read the feed until it is revoked.
    #[schema(example = "tmf_0192f0c12a3b7c4d8e5f60718293a4b5_jqOtnnLXEjEGEWyGB3Ubeps1cJzLZKQeFFlhVd-2wmE")]
    token: String,
    /// The address to subscribe to, on this server.
    #[schema(
        example = "/calendar/tmf_0192f0c12a3b7c4d8e5f60718293a4b5_jqOtnnLXEjEGEWyGB3Ubeps1cJzLZKQeFFlhVd-2wmE.ics"
    )]
    path: String,
}

impl View for NewFeedView {
    fn version(&self) -> Option<Version> {
        Some(self.feed.version)
    }
}

impl NewFeedView {
    fn of(feed: Feed, token: &CalendarFeedToken) -> Self {
        let token = token.reveal().expose_secret().to_owned();
        Self {
            feed: FeedView::from(feed),
            path: format!("/calendar/{token}.ics"),
            token,
        }
    }
}

/// A feed to be made: of a practitioner, of a room, or of the whole clinic when neither is named.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateFeed {
    /// What calendar programs call it.
    #[schema(value_type = Label)]
    name: String,
    /// Whose agenda it shows.
    practitioner_id: Option<PractitionerId>,
    /// Which room's agenda it shows.
    room_id: Option<RoomId>,
    /// Whether it names the people who come, which needs `contacts:read`. Others than the clinic may see it where the
    /// calendar program keeps it.
    #[serde(default)]
    show_contact_names: bool,
}

impl TryFrom<CreateFeed> for NewFeed {
    type Error = FieldErrors;

    fn try_from(body: CreateFeed) -> Result<Self, FieldErrors> {
        let CreateFeed {
            name,
            practitioner_id,
            room_id,
            show_contact_names,
        } = body;
        let mut errors = FieldErrors::new();
        let name = errors.read("/name", Label::parse(&name));
        if practitioner_id.is_some() && room_id.is_some() {
            errors.push(
                "/room_id",
                "conflicting",
                "a feed shows a practitioner's agenda or a room's, not both",
            );
        }
        let scope = Scope::of(practitioner_id, room_id);
        errors.finish(name.map(|name| Self {
            name,
            scope,
            show_contact_names,
        }))
    }
}

/// Which feeds.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct FeedFilter {
    /// Those that were revoked, instead of those that can be read.
    revoked: bool,
}

/// Makes a calendar feed; its secret address is shown this once.
#[utoipa::path(tag = "calendar", summary = "Makes a calendar feed", operation_id = "create_calendar_feed",
    security(("bearer" = ["appointments:write"])), request_body = CreateFeed,
    responses((status = 201, body = NewFeedView)))]
#[post("/calendar/feeds")]
pub(crate) async fn create_feed(
    caller: Authorized<AppointmentsWrite>,
    body: Valid<CreateFeed>,
) -> Result<HttpResponse, Problem> {
    let new = NewFeed::try_from(body.into_inner())?;
    if new.show_contact_names {
        caller.require(Permission::ContactsRead)?;
    }
    caller
        .write_unrecorded(async |tx| {
            let (feed, token) = service::create(tx, &new).await?;
            let location = format!("/v1/calendar/feeds/{}", feed.id);
            Ok::<_, FeedError>(Reply::created(location, NewFeedView::of(feed, &token)))
        })
        .await
}

/// Lists the calendar feeds that can be read, or those revoked, by when they were made.
#[utoipa::path(tag = "calendar", summary = "Lists calendar feeds", operation_id = "list_calendar_feeds",
    security(("bearer" = ["appointments:read"])), params(ListParams, FeedFilter),
    responses((status = 200, body = Page<FeedView>)))]
#[get("/calendar/feeds")]
pub(crate) async fn list_feeds(
    caller: Authorized<AppointmentsRead>,
    list: ListQuery<FeedFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<FeedPosition, _>("calendar_feeds.list", &list, &["created_at"])?;
    let plan = ReadPlan::new("calendar_feeds.list")
        .tag(tags::calendar_feeds())
        .live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::page(tx, list.filter.revoked, list.updated_since, &paging).await?;
            Ok::<_, FeedError>(paging.page(rows, Feed::position, FeedView::from))
        })
        .await
}

/// Shows a calendar feed, revoked or not, without its secret address.
#[utoipa::path(tag = "calendar", summary = "Shows a calendar feed", operation_id = "get_calendar_feed",
    security(("bearer" = ["appointments:read"])), params(("id" = CalendarFeedId, Path), RowQuery),
    responses((status = 200, body = FeedView)))]
#[get("/calendar/feeds/{id}")]
pub(crate) async fn get_feed(
    caller: Authorized<AppointmentsRead>,
    id: PathId<CalendarFeedId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("calendar_feeds.get")
        .query(&id)
        .tag(tags::calendar_feeds())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| store::find(tx, id).await.map(FeedView::from))
        .await
}

/// Revokes a calendar feed: its address answers 404 from now on.
#[utoipa::path(tag = "calendar", summary = "Revokes a calendar feed", operation_id = "revoke_calendar_feed",
    security(("bearer" = ["appointments:write"])), params(("id" = CalendarFeedId, Path)),
    responses((status = 204, description = "its address answers no more")))]
#[delete("/calendar/feeds/{id}")]
pub(crate) async fn revoke_feed(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<CalendarFeedId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            service::revoke(tx, id, expected).await?;
            Ok::<_, FeedError>(Reply::no_content())
        })
        .await
}
