//! The settings over HTTP.

use actix_web::{HttpResponse, get, patch};
use db::AuditRecord;
use kernel::{FieldErrors, Version, WallTime};
use rest::permissions::{AppointmentsRead, ClinicManage};
use rest::{Authorized, Problem, ReadPlan, Reply, RowQuery, Valid, View};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::error::OutreachError;
use super::model::{Outreach, OutreachChanges};
use super::store;
use crate::tags;

/// When and how the clinic writes to patients by itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"offer_minutes": 30, "offer_lead_minutes": 120, "awake_from": "08:00", "awake_until": "21:00",
    "reply_hours": 48, "version": 1}))]
pub(crate) struct OutreachView {
    /// How many minutes an offer of free time stands.
    offer_minutes: i32,
    /// How many minutes ahead time must lie to be offered.
    offer_lead_minutes: i32,
    /// The first minute of a day, on the clinic's wall clock, in which offers and reminders are sent.
    awake_from: WallTime,
    /// The last.
    awake_until: WallTime,
    /// For how many hours after a reminder a short reply is taken for its answer.
    reply_hours: i32,
    /// How often the settings were written.
    #[schema(inline)]
    version: Version,
}

impl View for OutreachView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Outreach> for OutreachView {
    fn from(settings: Outreach) -> Self {
        let Outreach {
            offer_minutes,
            offer_lead_minutes,
            awake_from,
            awake_until,
            reply_hours,
            version,
        } = settings;
        Self {
            offer_minutes,
            offer_lead_minutes,
            awake_from,
            awake_until,
            reply_hours,
            version,
        }
    }
}

/// What changes; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchOutreach {
    #[schema(minimum = 5, maximum = 1440)]
    offer_minutes: Option<i32>,
    #[schema(minimum = 0, maximum = 10080)]
    offer_lead_minutes: Option<i32>,
    awake_from: Option<WallTime>,
    awake_until: Option<WallTime>,
    #[schema(minimum = 1, maximum = 336)]
    reply_hours: Option<i32>,
}

impl TryFrom<PatchOutreach> for OutreachChanges {
    type Error = FieldErrors;

    fn try_from(body: PatchOutreach) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        for (pointer, value, range) in [
            ("/offer_minutes", body.offer_minutes, 5..=1440),
            ("/offer_lead_minutes", body.offer_lead_minutes, 0..=10080),
            ("/reply_hours", body.reply_hours, 1..=336),
        ] {
            if value.is_some_and(|value| !range.contains(&value)) {
                errors.push(
                    pointer,
                    "out_of_range",
                    format!("must be a whole number from {} to {}", range.start(), range.end()),
                );
            }
        }
        errors.finish(Some(Self {
            offer_minutes: body.offer_minutes,
            offer_lead_minutes: body.offer_lead_minutes,
            awake_from: body.awake_from,
            awake_until: body.awake_until,
            reply_hours: body.reply_hours,
        }))
    }
}

/// Shows when and how the clinic writes to patients by itself.
#[utoipa::path(tag = "reminders", summary = "Shows the settings of offers and reminders", operation_id = "get_outreach_settings",
    security(("bearer" = ["appointments:read"])), params(RowQuery), responses((status = 200, body = OutreachView)))]
#[get("/outreach-settings")]
pub(crate) async fn get_outreach_settings(
    caller: Authorized<AppointmentsRead>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let plan = ReadPlan::new("outreach_settings.get").tag(tags::outreach());
    caller
        .read(plan, &query, async |tx| {
            let here = store::load(tx).await?;
            Ok::<_, OutreachError>(OutreachView::from(here.settings))
        })
        .await
}

/// Changes when and how the clinic writes to patients by itself. Offers that stand and reminders that are planned keep their times.
#[utoipa::path(tag = "reminders", summary = "Changes the settings of offers and reminders", operation_id = "update_outreach_settings",
    security(("bearer" = ["clinic:manage"])), request_body = PatchOutreach, responses((status = 200, body = OutreachView)))]
#[patch("/outreach-settings")]
pub(crate) async fn update_outreach_settings(
    caller: Authorized<ClinicManage>,
    body: Valid<PatchOutreach>,
) -> Result<HttpResponse, Problem> {
    let changes = OutreachChanges::try_from(body.into_inner())?;
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let current = store::lock(tx).await?;
            if expected.is_some_and(|version| version != current.version) {
                return Err(OutreachError::Stale);
            }
            let names = changes.fields();
            if names.is_empty() {
                return Ok(Reply::ok(OutreachView::from(current)));
            }
            let settings = store::update(tx, changes).await?;
            let clinic = tx.clinic();
            tx.audit(
                AuditRecord::new("outreach_settings.update", "clinic", clinic.as_uuid())
                    .with_detail(json!({ "changed": names })),
            );
            tx.touch(tags::outreach());
            Ok(Reply::ok(OutreachView::from(settings)))
        })
        .await
}
