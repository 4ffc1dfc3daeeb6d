//! Free time over HTTP.

use actix_web::{HttpResponse, get};
use chrono::TimeDelta;
use kernel::{FieldErrors, PractitionerId, RoomId, ServiceId, Timestamp};
use rest::permissions::AppointmentsRead;
use rest::{Authorized, ListParams, ListQuery, Page, Problem, Query, ReadPlan, RowQuery, View};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::explain::{Reason, ReasonCode};
use super::model::{Explanation, OfferedRoom, OfferedSlot, SlotQuestion, SlotSearch, Subject};
use super::service::{self, After};
use crate::moment::Moment;

/// Which free slots to list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct SlotFilter {
    /// Only slots of this practitioner; of all who offer the service when not given.
    practitioner_id: Option<PractitionerId>,
    /// For this service: its duration, buffers, steps and rooms.
    service_id: Option<ServiceId>,
    /// How long a slot is to be when no service is named; then there are no buffers and no room.
    #[param(minimum = 5, maximum = 720, example = 30)]
    duration_minutes: Option<i32>,
    /// Slots that start at this time or later, or on this day in the clinic's zone or later; now when not given.
    #[param(value_type = Option<String>, example = "2026-11-23")]
    from: Option<Moment>,
    /// Slots that start before this time, or on this day in the clinic's zone or earlier; a week after `from` when not given,
    /// 62 days at most.
    #[param(value_type = Option<String>, example = "2026-11-27")]
    to: Option<Moment>,
}

/// Which slot to explain.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExplainQuery {
    /// With whom the slot would be.
    practitioner_id: PractitionerId,
    /// For which service.
    service_id: Option<ServiceId>,
    /// How long the slot would be when no service is named.
    #[param(minimum = 5, maximum = 720, example = 30)]
    duration_minutes: Option<i32>,
    /// In which room it would be; in any that suits when not given.
    room_id: Option<RoomId>,
    /// When it would start.
    at: Timestamp,
}

/// A slot that can be booked.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SlotView {
    /// When it starts.
    starts_at: Timestamp,
    /// When it ends.
    ends_at: Timestamp,
    /// With whom.
    practitioner_id: PractitionerId,
    /// Their name.
    #[schema(example = "Dra. Helena Lima")]
    practitioner_name: String,
    /// A room that is free then; null when the service needs none.
    room: Option<SlotRoomView>,
}

/// A room that is free.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SlotRoomView {
    /// Which room.
    id: RoomId,
    /// Its name.
    #[schema(example = "Sala 2")]
    name: String,
}

impl View for SlotView {}

impl From<OfferedSlot> for SlotView {
    fn from(offered: OfferedSlot) -> Self {
        let OfferedSlot {
            slot,
            practitioner_id,
            practitioner_name,
            room,
        } = offered;
        Self {
            starts_at: slot.starts_at(),
            ends_at: slot.ends_at(),
            practitioner_id,
            practitioner_name,
            room: room.map(|OfferedRoom { id, name }| SlotRoomView { id, name }),
        }
    }
}

/// Whether a slot is offered, and every reason why not.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ExplanationView {
    /// Whether it could be booked now.
    offered: bool,
    /// When it would start; null when its length is not known.
    starts_at: Option<Timestamp>,
    /// When it would end; null when its length is not known.
    ends_at: Option<Timestamp>,
    /// All that keeps it from being offered; empty when it is.
    reasons: Vec<ReasonView>,
}

/// What keeps a slot from being offered.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReasonView {
    /// What it is, as a stable word for programs.
    code: ReasonCode,
    /// What it is, as an English sentence for people.
    #[schema(example = "the practitioner is taken")]
    detail: &'static str,
    /// Since when it holds, where that is known.
    from: Option<Timestamp>,
    /// Until when it holds, where that is known.
    until: Option<Timestamp>,
}

impl View for ExplanationView {}

impl From<Explanation> for ExplanationView {
    fn from(explanation: Explanation) -> Self {
        let Explanation { slot, reasons } = explanation;
        Self {
            offered: reasons.is_empty(),
            starts_at: slot.map(|slot| slot.starts_at()),
            ends_at: slot.map(|slot| slot.ends_at()),
            reasons: reasons.into_iter().map(ReasonView::from).collect(),
        }
    }
}

impl From<Reason> for ReasonView {
    fn from(reason: Reason) -> Self {
        let Reason { code, from, until } = reason;
        Self {
            code,
            detail: code.detail(),
            from,
            until,
        }
    }
}

/// Where a page of slots ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct SlotPosition {
    starts_at: Timestamp,
    practitioner_id: PractitionerId,
}

/// What is to be booked: a service, or so many minutes.
fn subject(service: Option<ServiceId>, duration_minutes: Option<i32>) -> Result<Subject, FieldErrors> {
    match (service, duration_minutes) {
        (Some(service), None) => Ok(Subject::Service(service)),
        (None, Some(minutes)) if (5..=720).contains(&minutes) => {
            Ok(Subject::Duration(TimeDelta::minutes(i64::from(minutes))))
        }
        (None, Some(_)) => Err(FieldErrors::one(
            "duration_minutes",
            "out_of_range",
            "a slot lasts 5 to 720 minutes",
        )),
        (None, None) => Err(FieldErrors::one(
            "service_id",
            "required",
            "name a service, or how many minutes a slot is to last",
        )),
        (Some(_), Some(_)) => Err(FieldErrors::one(
            "duration_minutes",
            "conflicting",
            "a service has its own duration; name one of both",
        )),
    }
}

impl TryFrom<&SlotFilter> for SlotSearch {
    type Error = FieldErrors;

    fn try_from(filter: &SlotFilter) -> Result<Self, FieldErrors> {
        let SlotFilter {
            practitioner_id,
            service_id,
            duration_minutes,
            from,
            to,
        } = *filter;
        Ok(Self {
            practitioner: practitioner_id,
            subject: subject(service_id, duration_minutes)?,
            from,
            to,
        })
    }
}

impl TryFrom<ExplainQuery> for SlotQuestion {
    type Error = FieldErrors;

    fn try_from(query: ExplainQuery) -> Result<Self, FieldErrors> {
        let ExplainQuery {
            practitioner_id,
            service_id,
            duration_minutes,
            room_id,
            at,
        } = query;
        Ok(Self {
            practitioner: practitioner_id,
            subject: subject(service_id, duration_minutes)?,
            room: room_id,
            at,
        })
    }
}

/// Lists free slots in the order of their start.
///
/// Computed from opening hours, holidays, time off and everything booked or held; a service that
/// needs a room shows one that is free.
#[utoipa::path(tag = "availability", summary = "Lists free slots", operation_id = "list_slots",
    security(("bearer" = ["appointments:read"])), params(ListParams, SlotFilter),
    responses((status = 200, body = Page<SlotView>)))]
#[get("/availability/slots")]
pub(crate) async fn list_slots(
    caller: Authorized<AppointmentsRead>,
    list: ListQuery<SlotFilter>,
) -> Result<HttpResponse, Problem> {
    if list.updated_since.is_some() {
        return Err(FieldErrors::one(
            "updated_since",
            "not_supported",
            "slots are computed and have no time of change",
        )
        .into());
    }
    let search = SlotSearch::try_from(&list.filter)?;
    let paging = caller.paging::<SlotPosition, _>("availability.slots", &list, &["starts_at"])?;
    let after = paging.after().map(|position| After {
        starts_at: position.starts_at,
        practitioner: position.practitioner_id,
    });
    let most = usize::try_from(paging.fetch()).unwrap_or_default();
    let plan = ReadPlan::new("availability.slots").snapshot().uncached();
    caller
        .read_page(plan, &list, async |tx| {
            let slots = service::slots(tx, &search, after, most).await?;
            let position = |offered: &OfferedSlot| SlotPosition {
                starts_at: offered.slot.starts_at(),
                practitioner_id: offered.practitioner_id,
            };
            Ok::<_, super::AvailabilityError>(paging.page(slots, position, SlotView::from))
        })
        .await
}

/// Explains why a slot is not offered.
///
/// Names every reason, and of other people's appointments no more than that time is taken.
#[utoipa::path(tag = "availability", summary = "Explains why a slot is not offered", operation_id = "explain_slot",
    security(("bearer" = ["appointments:read"])), params(ExplainQuery), responses((status = 200, body = ExplanationView)))]
#[get("/availability/explain")]
pub(crate) async fn explain_slot(
    caller: Authorized<AppointmentsRead>,
    query: Query<ExplainQuery>,
) -> Result<HttpResponse, Problem> {
    let question = SlotQuestion::try_from(query.into_inner())?;
    let plan = ReadPlan::new("availability.explain").snapshot().uncached();
    caller
        .read(plan, &RowQuery::default(), async |tx| {
            service::explain(tx, &question).await.map(ExplanationView::from)
        })
        .await
}
