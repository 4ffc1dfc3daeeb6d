//! Holds over HTTP.

use actix_web::{HttpResponse, delete, get, post};
use chrono::TimeDelta;
use db::{DbError, tx_error};
use kernel::{ContactId, FieldErrors, HoldId, PractitionerId, RoomId, ServiceId, Timestamp, Version};
use rest::permissions::{AppointmentsRead, AppointmentsWrite};
use rest::{
    AuditRecord, Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, Valid, View,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::model::Hold;
use super::service::{self, HoldRequest};
use super::store::{self, HoldPosition, Narrowing};
use crate::booking::BookingError;

/// How many minutes a hold may last.
const MINUTES: std::ops::RangeInclusive<i64> = 1..=60;

/// A slot that is kept for some minutes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HoldView {
    /// The hold: sent as `hold_id` with the booking that finishes it.
    pub id: HoldId,
    /// Whose time is held.
    pub practitioner_id: PractitionerId,
    /// Which room is held with it.
    pub room_id: Option<RoomId>,
    /// For which service.
    pub service_id: Option<ServiceId>,
    /// For whom, when that is known.
    pub contact_id: Option<ContactId>,
    /// When the slot begins.
    pub starts_at: Timestamp,
    /// When the slot is over.
    pub ends_at: Timestamp,
    /// When the hold lapses.
    pub expires_at: Timestamp,
    /// How often it was written.
    #[schema(inline)]
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl View for HoldView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Hold> for HoldView {
    fn from(hold: Hold) -> Self {
        let Hold {
            id,
            practitioner_id,
            room_id,
            service_id,
            contact_id,
            starts_at,
            ends_at,
            expires_at,
            version,
            created_at,
            updated_at,
        } = hold;
        Self {
            id,
            practitioner_id,
            room_id,
            service_id,
            contact_id,
            starts_at,
            ends_at,
            expires_at,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A slot to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateHold {
    /// Whose time.
    practitioner_id: PractitionerId,
    /// For which service; gives duration, buffers and whether a room is needed.
    service_id: Option<ServiceId>,
    /// In which room; when none is named and the service needs one, a free one is chosen.
    room_id: Option<RoomId>,
    /// For whom, when that is known: then only their booking can finish it.
    contact_id: Option<ContactId>,
    /// When the slot begins.
    starts_at: Timestamp,
    /// When it is over; may be left out with a service.
    ends_at: Option<Timestamp>,
    /// For how many minutes it is kept; else for as many as the clinic has set.
    #[schema(minimum = 1, maximum = 60)]
    minutes: Option<i64>,
}

impl TryFrom<CreateHold> for HoldRequest {
    type Error = FieldErrors;

    fn try_from(body: CreateHold) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        if body.minutes.is_some_and(|minutes| !MINUTES.contains(&minutes)) {
            errors.push("/minutes", "out_of_range", "a hold lasts 1 to 60 minutes");
        }
        errors.finish(Some(Self {
            practitioner: body.practitioner_id,
            service: body.service_id,
            room: body.room_id,
            contact: body.contact_id,
            starts_at: body.starts_at,
            ends_at: body.ends_at,
            keep_for: body
                .minutes
                .filter(|minutes| MINUTES.contains(minutes))
                .map(TimeDelta::minutes),
        }))
    }
}

/// Which holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct HoldFilter {
    /// Only those of this practitioner.
    practitioner_id: Option<PractitionerId>,
    /// Only those for this contact.
    contact_id: Option<ContactId>,
}

/// Why a hold cannot be shown or released.
#[derive(Debug, thiserror::Error)]
enum HoldError {
    /// Not there, or lapsed.
    #[error("there is no such hold")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(HoldError);

impl From<HoldError> for Problem {
    fn from(error: HoldError) -> Self {
        match error {
            HoldError::NotFound => Self::not_found("hold_not_found"),
            HoldError::Database(error) => error.into(),
        }
    }
}

/// Keeps a slot for some minutes.
///
/// Refused as a booking would be. The time is free again when the hold lapses, is released, or becomes an appointment.
#[utoipa::path(tag = "appointments", summary = "Holds a slot", operation_id = "create_hold",
    security(("bearer" = ["appointments:write"])), request_body = CreateHold,
    responses((status = 201, body = HoldView),
        (status = 409, body = Problem, description = "`appointment_conflict`, `outside_hours`")))]
#[post("/appointments/holds")]
pub(crate) async fn create_hold(
    caller: Authorized<AppointmentsWrite>,
    body: Valid<CreateHold>,
) -> Result<HttpResponse, Problem> {
    let request = HoldRequest::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let hold = service::create(tx, &request).await?;
            let location = format!("/v1/appointments/holds/{}", hold.id);
            Ok::<_, BookingError>(Reply::created(location, HoldView::from(hold)))
        })
        .await
}

/// Lists the holds that have not lapsed, by the start of their slots.
#[utoipa::path(tag = "appointments", summary = "Lists holds", operation_id = "list_holds",
    security(("bearer" = ["appointments:read"])), params(ListParams, HoldFilter),
    responses((status = 200, body = Page<HoldView>)))]
#[get("/appointments/holds")]
pub(crate) async fn list_holds(
    caller: Authorized<AppointmentsRead>,
    list: ListQuery<HoldFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<HoldPosition, _>("holds.list", &list, &["starts_at"])?;
    let narrowing = Narrowing {
        practitioner: list.filter.practitioner_id,
        contact: list.filter.contact_id,
    };
    // A hold lapses without anybody writing it, so no tag could tell.
    let plan = ReadPlan::new("holds.list")
        .uncached()
        .audit(AuditRecord::over("holds.list", "hold"));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::page(tx, narrowing, &paging).await?;
            let position = |hold: &Hold| HoldPosition {
                starts_at: hold.starts_at,
                id: hold.id,
            };
            Ok::<_, BookingError>(paging.page(rows, position, HoldView::from))
        })
        .await
}

/// Shows a hold that has not lapsed.
#[utoipa::path(tag = "appointments", summary = "Shows a hold", operation_id = "get_hold",
    security(("bearer" = ["appointments:read"])), params(("id" = HoldId, Path), RowQuery),
    responses((status = 200, body = HoldView)))]
#[get("/appointments/holds/{id}")]
pub(crate) async fn get_hold(
    caller: Authorized<AppointmentsRead>,
    id: PathId<HoldId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan =
        ReadPlan::new("holds.get")
            .query(&id)
            .uncached()
            .audit(AuditRecord::new("holds.read", "hold", id.as_uuid()));
    caller
        .read(plan, &query, async |tx| {
            store::find(tx, id)
                .await?
                .map(HoldView::from)
                .ok_or(HoldError::NotFound)
        })
        .await
}

/// Gives a held slot back.
#[utoipa::path(tag = "appointments", summary = "Releases a hold", operation_id = "release_hold",
    security(("bearer" = ["appointments:write"])), params(("id" = HoldId, Path)),
    responses((status = 204, description = "the slot is free again")))]
#[delete("/appointments/holds/{id}")]
pub(crate) async fn release_hold(
    caller: Authorized<AppointmentsWrite>,
    id: PathId<HoldId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            if service::release(tx, id).await? {
                Ok(Reply::no_content())
            } else {
                Err(HoldError::NotFound)
            }
        })
        .await
}
