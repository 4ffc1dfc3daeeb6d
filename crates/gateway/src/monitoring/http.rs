//! The queue and what was given up, over HTTP. The rules live in `jobs::dead_letters`. Payloads are not shown: what they name is
//! found where it belongs.

use actix_web::{HttpResponse, delete, get, post};
use db::{DbError, TxError};
use jobs::dead_letters::{self, DeadLetter, DeadLetterError, LaneStanding, Position};
use kernel::{EventId, Lane, Timestamp};
use rest::permissions::{ClinicManage, MonitoringRead};
use rest::{Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, View};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// The latest first.
const SORTS: &[&str] = &["-failed_at"];

/// Work that was given up.
#[derive(Debug, Serialize, ToSchema)]
struct DeadLetterView {
    id: EventId,
    /// What happened, or what was to be done.
    #[schema(example = "webhooks.deliver")]
    kind: String,
    /// `event`: something happened and its handler failed. `job`: something was to be done.
    #[schema(example = "job")]
    class: String,
    lane: LaneName,
    /// How often it was tried.
    attempts: i32,
    /// Why it failed the last time.
    error: Option<String>,
    /// When it was queued.
    created_at: Timestamp,
    /// When it was given up.
    failed_at: Timestamp,
}

impl View for DeadLetterView {}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        let lane = letter.lane().into();
        let DeadLetter {
            id,
            kind,
            class,
            attempts,
            last_error,
            created_at,
            failed_at,
            ..
        } = letter;
        Self {
            id,
            kind,
            class,
            lane,
            attempts,
            error: last_error,
            created_at,
            failed_at,
        }
    }
}

/// Where work waits; work of one lane does not wait for that of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum LaneName {
    /// Somebody waits for it now.
    Urgent,
    /// The care of patients.
    Clinical,
    /// Everything else.
    Routine,
    /// Large amounts that may take hours.
    Bulk,
}

impl From<Lane> for LaneName {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::Urgent => Self::Urgent,
            Lane::Clinical => Self::Clinical,
            Lane::Routine => Self::Routine,
            Lane::Bulk => Self::Bulk,
        }
    }
}

/// How the clinic's queue stands.
#[derive(Debug, Serialize, ToSchema)]
struct QueueView {
    /// The most urgent first.
    lanes: Vec<LaneView>,
}

impl View for QueueView {}

/// How one lane stands.
#[derive(Debug, Serialize, ToSchema)]
struct LaneView {
    lane: LaneName,
    /// Not due yet: delayed, or failed and to be tried again.
    waiting: i64,
    /// Due, and nobody works on it.
    due: i64,
    /// Somebody works on it.
    in_work: i64,
    /// Given up: see the dead letters.
    failed: i64,
    /// For how many seconds the oldest that is due has been so; null when nothing is due.
    oldest_due_seconds: Option<i64>,
}

impl LaneView {
    fn at(now: Timestamp, standing: LaneStanding) -> Self {
        let LaneStanding {
            lane,
            waiting,
            due,
            in_work,
            failed,
            due_since,
        } = standing;
        Self {
            lane: lane.into(),
            waiting,
            due,
            in_work,
            failed,
            oldest_due_seconds: due_since.map(|since| now.since(since).num_seconds()),
        }
    }
}

/// Which of what was given up.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct DeadLetterFilter {
    /// Of this kind alone.
    #[param(example = "webhooks.deliver")]
    kind: Option<String>,
}

/// What stands in the way, as this crate answers it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Refused(#[from] DeadLetterError);

impl From<DbError> for Refused {
    fn from(error: DbError) -> Self {
        Self(error.into())
    }
}

impl TxError for Refused {
    fn db_error(&self) -> Option<&DbError> {
        self.0.db_error()
    }
}

impl From<Refused> for Problem {
    fn from(Refused(error): Refused) -> Self {
        match error {
            DeadLetterError::NotFound => Self::not_found("dead_letter_not_found"),
            DeadLetterError::Waits => Self::conflict("already_queued", error.to_string()),
            DeadLetterError::Database(error) => error.into(),
        }
    }
}

/// Lists work that was given up, the latest first.
#[utoipa::path(tag = "monitoring", summary = "Lists work that was given up", operation_id = "list_dead_letters",
    security(("bearer" = ["monitoring:read"])), params(ListParams, DeadLetterFilter),
    responses((status = 200, body = Page<DeadLetterView>)))]
#[get("/monitoring/dead-letters")]
async fn list_dead_letters(
    caller: Authorized<MonitoringRead>,
    list: ListQuery<DeadLetterFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<Position, _>("monitoring.dead_letters", &list, SORTS)?;
    // What a worker gives up makes no cached answer stale.
    let plan = ReadPlan::new("monitoring.dead_letters").uncached();
    caller
        .read_page(plan, &list, async |tx| {
            let kind = list.filter.kind.as_deref();
            let rows = dead_letters::list(tx, kind, list.updated_since, paging.after(), paging.fetch()).await?;
            Ok::<_, DbError>(paging.page(rows, DeadLetter::position, DeadLetterView::from))
        })
        .await
}

/// Has work that was given up tried again: at once, and as often as new work.
#[utoipa::path(tag = "monitoring", summary = "Has work that was given up tried again", operation_id = "retry_dead_letter",
    security(("bearer" = ["clinic:manage"])), params(("id" = EventId, Path)),
    responses((status = 204, description = "queued"),
        (status = 409, body = Problem, description = "`already_queued`: the same work waits")))]
#[post("/monitoring/dead-letters/{id}/retry")]
async fn retry_dead_letter(caller: Authorized<ClinicManage>, id: PathId<EventId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            dead_letters::retry(tx, id).await?;
            Ok::<_, Refused>(Reply::no_content())
        })
        .await
}

/// Puts work that was given up aside for good. An event stays in the feed of events.
#[utoipa::path(tag = "monitoring", summary = "Discards work that was given up", operation_id = "discard_dead_letter",
    security(("bearer" = ["clinic:manage"])), params(("id" = EventId, Path)),
    responses((status = 204, description = "discarded")))]
#[delete("/monitoring/dead-letters/{id}")]
async fn discard_dead_letter(caller: Authorized<ClinicManage>, id: PathId<EventId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            dead_letters::discard(tx, id).await?;
            Ok::<_, Refused>(Reply::no_content())
        })
        .await
}

/// Shows how the clinic's queue stands, lane by lane.
#[utoipa::path(tag = "monitoring", summary = "Shows how the queue stands", operation_id = "get_queue",
    security(("bearer" = ["monitoring:read"])), params(RowQuery), responses((status = 200, body = QueueView)))]
#[get("/monitoring/queue")]
async fn get_queue(caller: Authorized<MonitoringRead>, query: RowQuery) -> Result<HttpResponse, Problem> {
    let plan = ReadPlan::new("monitoring.queue").uncached().snapshot();
    caller
        .read(plan, &query, async |tx| {
            let lanes = dead_letters::standing(tx).await?;
            let lanes = lanes.into_iter().map(|standing| LaneView::at(tx.now(), standing));
            Ok::<_, DbError>(QueueView { lanes: lanes.collect() })
        })
        .await
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_dead_letters)
        .service(retry_dead_letter)
        .service(discard_dead_letter)
        .service(get_queue);
}
