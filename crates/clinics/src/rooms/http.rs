//! Rooms over HTTP.

use actix_web::{HttpResponse, delete, get, patch, post};
use kernel::text::Label;
use kernel::{FieldErrors, RoomId, Timestamp, Version};
use rest::permissions::{ClinicManage, ClinicRead};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::RoomError;
use super::model::{NewRoom, Room, RoomChanges};
use super::{service, store};
use crate::resource::catalogue::{CataloguePosition, RowStatus, SORTS, StatusFilter};
use crate::resource::error::{ArchiveError, RowError};
use crate::tags;
use rest::{
    Authorized, ListParams, ListQuery, Page, Patch, PathId, Problem, ReadPatch, ReadPlan, Reply, RowQuery, TimeToLive,
    Valid, View,
};

/// A room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomView {
    id: RoomId,
    /// Unique among the rooms in use, accents and case aside.
    name: Label,
    status: RowStatus,
    archived_at: Option<Timestamp>,
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for RoomView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Room> for RoomView {
    fn from(
        Room {
            id,
            name,
            archived_at,
            version,
            created_at,
            updated_at,
        }: Room,
    ) -> Self {
        Self {
            id,
            name,
            status: RowStatus::of(archived_at),
            archived_at,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A room to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Consultório 1"}))]
pub(crate) struct CreateRoom {
    /// Made by the server when not given.
    id: Option<RoomId>,
    #[schema(value_type = Label)]
    name: String,
}

impl TryFrom<CreateRoom> for NewRoom {
    type Error = FieldErrors;

    fn try_from(CreateRoom { id, name }: CreateRoom) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.read("/name", Label::parse(&name));
        errors.finish(name.map(|name| Self { id, name }))
    }
}

/// What changes about a room; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Consultório 2"}))]
pub(crate) struct PatchRoom {
    #[serde(default)]
    #[schema(value_type = Option<Label>)]
    name: Patch<String>,
}

impl TryFrom<PatchRoom> for RoomChanges {
    type Error = FieldErrors;

    fn try_from(PatchRoom { name }: PatchRoom) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.read_change("/name", name, |name| Label::parse(&name));
        errors.finish(Some(Self { name }))
    }
}

/// Which rooms.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct RoomFilter {
    /// By whether they are in use; those that are, when not given.
    #[param(value_type = Option<StatusFilter>)]
    status: StatusFilter,
}

/// Lists rooms, by name unless asked otherwise.
#[utoipa::path(tag = "rooms", summary = "Lists rooms", operation_id = "list_rooms", security(("bearer" = ["clinic:read"])),
    params(ListParams, RoomFilter), responses((status = 200, body = Page<RoomView>)))]
#[get("/rooms")]
async fn list_rooms(caller: Authorized<ClinicRead>, list: ListQuery<RoomFilter>) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<CataloguePosition, _>("rooms.list", &list, SORTS)?;
    let plan = ReadPlan::new("rooms.list")
        .tag(tags::rooms())
        .live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::list(tx, list.filter.status, list.updated_since, &paging, |query| query).await?;
            Ok::<_, RowError>(paging.page(rows, Room::position, RoomView::from))
        })
        .await
}

/// Shows a room, archived or not.
#[utoipa::path(tag = "rooms", summary = "Shows a room", operation_id = "get_room", security(("bearer" = ["clinic:read"])),
    params(("id" = RoomId, Path), RowQuery), responses((status = 200, body = RoomView)))]
#[get("/rooms/{id}")]
async fn get_room(
    caller: Authorized<ClinicRead>,
    id: PathId<RoomId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("rooms.get")
        .query(&id)
        .tag(tags::rooms())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| store::find(tx, id).await.map(RoomView::from))
        .await
}

/// Makes a room.
#[utoipa::path(tag = "rooms", summary = "Makes a room", operation_id = "create_room", security(("bearer" = ["clinic:manage"])),
    request_body = CreateRoom,
    responses((status = 201, body = RoomView), (status = 409, body = Problem, description = "`room_exists`, `id_taken`")))]
#[post("/rooms")]
async fn create_room(caller: Authorized<ClinicManage>, body: Valid<CreateRoom>) -> Result<HttpResponse, Problem> {
    let new = NewRoom::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let room = service::create(tx, &new).await?;
            Ok::<_, RoomError>(Reply::created(format!("/v1/rooms/{}", room.id), RoomView::from(room)))
        })
        .await
}

/// Changes a room in use.
#[utoipa::path(tag = "rooms", summary = "Changes a room", operation_id = "update_room", security(("bearer" = ["clinic:manage"])),
    params(("id" = RoomId, Path)), request_body = PatchRoom,
    responses((status = 200, body = RoomView), (status = 409, body = Problem, description = "`room_exists`, `archived`")))]
#[patch("/rooms/{id}")]
async fn update_room(
    caller: Authorized<ClinicManage>,
    id: PathId<RoomId>,
    body: Valid<PatchRoom>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let changes = RoomChanges::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let room = service::update(tx, id, &changes, caller.if_match()).await?;
            Ok::<_, RoomError>(Reply::ok(RoomView::from(room)))
        })
        .await
}

/// Archives a room. It stays readable and is offered no more.
#[utoipa::path(tag = "rooms", summary = "Archives a room", operation_id = "archive_room",
    security(("bearer" = ["clinic:manage"])), params(("id" = RoomId, Path)),
    responses((status = 204, description = "archived"),
        (status = 409, body = Problem, description = "`has_upcoming_appointments`, with their `count`")))]
#[delete("/rooms/{id}")]
async fn archive_room(caller: Authorized<ClinicManage>, id: PathId<RoomId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            service::archive(tx, id, caller.if_match()).await?;
            Ok::<_, ArchiveError>(Reply::no_content())
        })
        .await
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_rooms)
        .service(get_room)
        .service(create_room)
        .service(update_room)
        .service(archive_room);
}
