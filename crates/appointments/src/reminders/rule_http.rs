//! The rules of reminders over HTTP.

use actix_web::{HttpResponse, delete, get, patch, post};
use kernel::{FieldErrors, ReminderRuleId, ServiceId, Timestamp, Version};
use rest::permissions::{AppointmentsRead, ClinicManage};
use rest::{
    Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, TimeToLive, Valid, View,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ReminderError;
use super::model::{Channel, NewRule, Rule, RuleChanges};
use super::rules;
use crate::tags;

/// From a quarter of an hour to thirty days.
const LEADS: std::ops::RangeInclusive<i32> = 15..=43_200;

/// How long before an appointment its patient is reminded.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReminderRuleView {
    id: ReminderRuleId,
    /// For which service; null for all that have no rules of their own.
    service_id: Option<ServiceId>,
    /// How many minutes before the start.
    lead_minutes: i32,
    channel: Channel,
    /// Whether it holds. A service whose rules are all disabled is not reminded of.
    enabled: bool,
    archived_at: Option<Timestamp>,
    #[schema(inline)]
    version: Version,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl View for ReminderRuleView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Rule> for ReminderRuleView {
    fn from(rule: Rule) -> Self {
        let Rule {
            id,
            service_id,
            lead_minutes,
            channel,
            enabled,
            archived_at,
            version,
            created_at,
            updated_at,
        } = rule;
        Self {
            id,
            service_id,
            lead_minutes,
            channel,
            enabled,
            archived_at,
            version,
            created_at,
            updated_at,
        }
    }
}

/// A rule to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"lead_minutes": 1440, "channel": "preferred"}))]
pub(crate) struct CreateReminderRule {
    /// Made by the server when not given.
    id: Option<ReminderRuleId>,
    /// For which service; for all that have no rules of their own when not given.
    service_id: Option<ServiceId>,
    /// How many minutes before the start.
    #[schema(minimum = 15, maximum = 43200)]
    lead_minutes: i32,
    /// `preferred` when not given.
    channel: Option<Channel>,
    /// Whether it holds; it does when not given.
    enabled: Option<bool>,
}

impl TryFrom<CreateReminderRule> for NewRule {
    type Error = FieldErrors;

    fn try_from(body: CreateReminderRule) -> Result<Self, FieldErrors> {
        check_lead(body.lead_minutes)?;
        Ok(Self {
            id: body.id,
            service: body.service_id,
            lead_minutes: body.lead_minutes,
            channel: body.channel.unwrap_or(Channel::Preferred),
            enabled: body.enabled.unwrap_or(true),
        })
    }
}

/// What changes about a rule; what is absent stays. Its service stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchReminderRule {
    #[schema(minimum = 15, maximum = 43200)]
    lead_minutes: Option<i32>,
    channel: Option<Channel>,
    enabled: Option<bool>,
}

impl TryFrom<PatchReminderRule> for RuleChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchReminderRule) -> Result<Self, FieldErrors> {
        body.lead_minutes.map(check_lead).transpose()?;
        Ok(Self {
            lead_minutes: body.lead_minutes,
            channel: body.channel,
            enabled: body.enabled,
        })
    }
}

fn check_lead(minutes: i32) -> Result<(), FieldErrors> {
    if LEADS.contains(&minutes) {
        Ok(())
    } else {
        Err(FieldErrors::one(
            "/lead_minutes",
            "out_of_range",
            "a lead is 15 minutes to 30 days (43200 minutes)",
        ))
    }
}

/// Which rules.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct RuleFilter {
    /// Only those of this service.
    service_id: Option<ServiceId>,
}

/// Lists the rules in use, on one page: those for all services first.
#[utoipa::path(tag = "reminders", summary = "Lists the rules of reminders", operation_id = "list_reminder_rules",
    security(("bearer" = ["appointments:read"])), params(ListParams, RuleFilter),
    responses((status = 200, body = Page<ReminderRuleView>)))]
#[get("/reminder-rules")]
pub(crate) async fn list_reminder_rules(
    caller: Authorized<AppointmentsRead>,
    list: ListQuery<RuleFilter>,
) -> Result<HttpResponse, Problem> {
    caller.paging::<ReminderRuleId, _>("reminder_rules.list", &list, &["service_id"])?;
    let plan = ReadPlan::new("reminder_rules.list")
        .tag(tags::reminder_rules())
        .live(TimeToLive::Reference);
    caller
        .read_page(plan, &list, async |tx| {
            let wanted = list.filter.service_id;
            let rows = rules::in_use(tx)
                .await?
                .into_iter()
                .filter(|rule| wanted.is_none() || rule.service_id == wanted);
            Ok::<_, ReminderError>(Page::whole(rows.map(ReminderRuleView::from).collect()))
        })
        .await
}

/// Shows a rule, archived or not.
#[utoipa::path(tag = "reminders", summary = "Shows a rule of reminders", operation_id = "get_reminder_rule",
    security(("bearer" = ["appointments:read"])), params(("id" = ReminderRuleId, Path), RowQuery),
    responses((status = 200, body = ReminderRuleView)))]
#[get("/reminder-rules/{id}")]
pub(crate) async fn get_reminder_rule(
    caller: Authorized<AppointmentsRead>,
    id: PathId<ReminderRuleId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let plan = ReadPlan::new("reminder_rules.get")
        .query(&id)
        .tag(tags::reminder_rules())
        .live(TimeToLive::Reference);
    caller
        .read(plan, &query, async |tx| {
            rules::find(tx, id).await.map(ReminderRuleView::from)
        })
        .await
}

/// Makes a rule. It holds for appointments that are booked or moved from now on; what is planned stays planned.
#[utoipa::path(tag = "reminders", summary = "Makes a rule of reminders", operation_id = "create_reminder_rule",
    security(("bearer" = ["clinic:manage"])), request_body = CreateReminderRule,
    responses((status = 201, body = ReminderRuleView),
        (status = 409, body = Problem, description = "`reminder_rule_exists`, `id_taken`")))]
#[post("/reminder-rules")]
pub(crate) async fn create_reminder_rule(
    caller: Authorized<ClinicManage>,
    body: Valid<CreateReminderRule>,
) -> Result<HttpResponse, Problem> {
    let new = NewRule::try_from(body.into_inner())?;
    caller
        .write(async |tx| {
            let rule = rules::create(tx, &new).await?;
            let location = format!("/v1/reminder-rules/{}", rule.id);
            Ok::<_, ReminderError>(Reply::created(location, ReminderRuleView::from(rule)))
        })
        .await
}

/// Changes a rule in use. What is planned stays planned.
#[utoipa::path(tag = "reminders", summary = "Changes a rule of reminders", operation_id = "update_reminder_rule",
    security(("bearer" = ["clinic:manage"])), params(("id" = ReminderRuleId, Path)), request_body = PatchReminderRule,
    responses((status = 200, body = ReminderRuleView),
        (status = 409, body = Problem, description = "`reminder_rule_exists`, `archived`")))]
#[patch("/reminder-rules/{id}")]
pub(crate) async fn update_reminder_rule(
    caller: Authorized<ClinicManage>,
    id: PathId<ReminderRuleId>,
    body: Valid<PatchReminderRule>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let changes = RuleChanges::try_from(body.into_inner())?;
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let rule = rules::update(tx, id, changes, expected).await?;
            Ok::<_, ReminderError>(Reply::ok(ReminderRuleView::from(rule)))
        })
        .await
}

/// Archives a rule. What is planned by it stays planned.
#[utoipa::path(tag = "reminders", summary = "Archives a rule of reminders", operation_id = "archive_reminder_rule",
    security(("bearer" = ["clinic:manage"])), params(("id" = ReminderRuleId, Path)),
    responses((status = 204, description = "archived")))]
#[delete("/reminder-rules/{id}")]
pub(crate) async fn archive_reminder_rule(
    caller: Authorized<ClinicManage>,
    id: PathId<ReminderRuleId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            rules::archive(tx, id, expected).await?;
            Ok::<_, ReminderError>(Reply::no_content())
        })
        .await
}
