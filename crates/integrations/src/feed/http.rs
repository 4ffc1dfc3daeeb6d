//! The feed over HTTP.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use kernel::{EventId, FieldErrors};
use rest::permissions::SignedIn;
use rest::{AuditRecord, Authorized, ListParams, ListQuery, Page, Problem, Query, ReadPlan, RowQuery, TimeToLive};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::FeedError;
use super::service;
use super::view::{EventPageView, EventTypeView};
use crate::settings::Integrations;

/// The most events of a page, and how many when nothing is said.
const MOST: u16 = 100;
const USUAL: u16 = 25;

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_events).service(list_event_types);
}

/// Which events.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct FeedQuery {
    /// The event after which to go on: `page.next_cursor` of the page before, or the id of any event. From the first that is
    /// kept, when not given.
    after: Option<EventId>,
    /// Only these types, separated by commas: types that `GET /v1/event-types` lists, groups such as `appointment.*`, or `*`.
    #[param(example = "appointment.*")]
    types: Option<String>,
    /// The most events of a page, 1 to 100; 25 when not given.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u16>,
}

/// Which types: all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NoFilter {}

/// Lists what happened, in an order in which nothing is ever added before what was read: whoever goes on from the last page
/// misses nothing, however late a transaction commits.
///
/// Shown are the events that the caller may hear; naming a type that they may not is 403. Events are kept for 30 days: 410
/// `event_gone` when the one that `after` names is older or unknown. What happens is here within a moment, or when the oldest
/// open transaction has ended; who wants to hear of it at once takes webhooks.
#[utoipa::path(tag = "webhooks", summary = "Lists events", operation_id = "list_events", security(("bearer" = [])),
    params(FeedQuery),
    responses((status = 200, body = EventPageView), (status = 410, body = Problem, description = "`event_gone`")))]
#[get("/events")]
async fn list_events(
    caller: Authorized<SignedIn>,
    shared: Data<Integrations>,
    query: Query<FeedQuery>,
) -> Result<HttpResponse, Problem> {
    let FeedQuery { after, types, limit } = query.into_inner();
    let limit = limit.unwrap_or(USUAL);
    let mut errors = FieldErrors::new();
    if !(1..=MOST).contains(&limit) {
        errors.push("limit", "out_of_range", format!("a page has 1 to {MOST} events"));
    }
    let entries: Option<Vec<String>> =
        types.map(|types| types.split(',').map(|entry| entry.trim().to_owned()).collect());
    let choice = match entries.map(|entries| shared.catalogue.choose(&entries, |_place| "types".to_owned())) {
        None => None,
        Some(Ok(choice)) => Some(choice),
        Some(Err(faults)) => {
            errors.nest("", faults);
            None
        }
    };
    errors.finish(Some(()))?;
    if let Some(choice) = &choice {
        for permission in shared.catalogue.named_by(choice).iter() {
            caller.require(permission)?;
        }
    }
    let kinds = shared.catalogue.heard(choice.as_ref(), caller.permissions());
    // What is settled depends on the moment, and an old answer would hide what came since.
    let plan = ReadPlan::new("events.list")
        .uncached()
        .snapshot()
        .audit(AuditRecord::over("events.list", "event"));
    caller
        .read(plan, &RowQuery::default(), async |tx| {
            service::read(tx, after, &kinds, limit).await
        })
        .await
}

/// Lists the types of events there are, and what one must be permitted to hear of each.
#[utoipa::path(tag = "webhooks", summary = "Lists types of events", operation_id = "list_event_types",
    security(("bearer" = [])), params(ListParams), responses((status = 200, body = Page<EventTypeView>)))]
#[get("/event-types")]
async fn list_event_types(
    caller: Authorized<SignedIn>,
    shared: Data<Integrations>,
    list: ListQuery<NoFilter>,
) -> Result<HttpResponse, Problem> {
    let _only_order = caller.paging::<(), _>("event_types.list", &list, &["catalogue"])?;
    let plan = ReadPlan::new("event_types.list").live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |_tx| {
            Ok::<_, FeedError>(Page::whole(shared.catalogue.iter().map(EventTypeView::from).collect()))
        })
        .await
}
