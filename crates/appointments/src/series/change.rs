//! Changing occurrences of a series: one, it and those after it, or all that lie ahead; all of them or none.

use db::{AuditRecord, TenantTx};
use futures_util::FutureExt;
use kernel::{AppointmentId, SeriesId, Timestamp, Version};
use serde_json::json;

use super::alteration::Alteration;
use super::check::{check, lock, refuse_conflicts};
use super::error::SeriesError;
use super::held::Held;
use super::model::{Change, Series, SeriesScope};
use super::occurrence_view::OccurrenceView;
use super::plan::Checked;
use super::rewrite;
use super::service::{Made, announce};
use super::store::{self, NewSeries, SeriesChanges};
use crate::booking::context;
use crate::holds;
use crate::recurrence::Rule;

/// Changes occurrences of the series `id` as `change` says, all or none; says what became of each that was meant.
///
/// # Errors
/// [`SeriesError::NotFound`], [`SeriesError::Stale`], [`SeriesError::Over`] when nothing of it lies ahead,
/// [`SeriesError::Conflicts`] with each whose new time cannot be had, and what bookings are refused for.
pub(super) async fn change(
    tx: &mut TenantTx<'_>,
    id: SeriesId,
    expected: Option<Version>,
    change: &Change,
) -> Result<Made, SeriesError> {
    let held = Held::take(tx, id, expected).boxed_local().await?;
    let alteration = Alteration::new(&held, change, tx.now())?;
    let rule = alteration.rule()?;
    let context = context::load(tx, &alteration.first_wish().references())
        .boxed_local()
        .await?;
    let candidates = alteration.candidates(tx, &context)?;
    lock(tx, &candidates).await?;
    let own: Vec<AppointmentId> = alteration.affected.iter().map(|appointment| appointment.id).collect();
    let (checked, lapsed) = check(tx, candidates, &context, &own).boxed_local().await?;
    refuse_conflicts(&checked)?;
    holds::store::remove(tx, &lapsed).await?;
    let series = move_series(tx, &alteration, rule).boxed_local().await?;
    rewrite::occurrences(tx, context.zone, &alteration, &checked, &series)
        .boxed_local()
        .await?;
    rewrite::places(tx, &alteration).boxed_local().await?;
    note(tx, "appointment_series.update", &series, change.scope);
    let event = if series.id == held.series.id {
        "appointment_series.updated"
    } else {
        announce(tx, "appointment_series.updated", &held.series);
        "appointment_series.created"
    };
    announce(tx, event, &series);
    let view = |one: Checked| {
        let appointment = one.candidate.appointment;
        OccurrenceView::from(one).booked_as(appointment)
    };
    Ok(Made {
        series,
        occurrences: checked.into_iter().map(view).collect(),
    })
}

/// Writes the series itself: in place, or as a new one that begins where the old one is cut.
async fn move_series(tx: &TenantTx<'_>, alteration: &Alteration<'_>, rule: Rule) -> Result<Series, SeriesError> {
    let Alteration { aim, change, .. } = alteration;
    let old = &aim.held.series;
    if alteration.is_of_one() {
        return Ok(store::update(tx, old.id, SeriesChanges::default()).await?);
    }
    if let Some(at) = aim.cut() {
        return split(tx, alteration, rule, at).await;
    }
    let (starts_at, ends_at) = pattern(alteration, old.starts_at);
    let changes = SeriesChanges {
        practitioner_id: change.practitioner,
        room_id: change.room,
        service_id: change.service,
        rule: Some(rule.to_string()),
        starts_at: Some(starts_at),
        ends_at: Some(ends_at),
        notes: change.notes.clone(),
        status: None,
    };
    Ok(store::update(tx, old.id, changes).await?)
}

/// When the first occurrence of the series begins and ends that used to begin at `first`.
fn pattern(alteration: &Alteration<'_>, first: Timestamp) -> (Timestamp, Timestamp) {
    let old = &alteration.aim.held.series;
    let starts_at = alteration.moved(first).map_or(first, |(at, _)| at);
    let duration = alteration
        .shift
        .duration
        .unwrap_or_else(|| old.ends_at.since(old.starts_at));
    (starts_at, starts_at.saturating_add(duration))
}

/// Ends the series before `at`, and begins a new one there with what follows.
async fn split(
    tx: &TenantTx<'_>,
    alteration: &Alteration<'_>,
    rule: Rule,
    at: Timestamp,
) -> Result<Series, SeriesError> {
    let Alteration { aim, change, .. } = alteration;
    let old = &aim.held.series;
    let before = aim.held.named_before(at)?;
    let rule = match rule.count() {
        Some(count) => rule.ended_after(count.saturating_sub(before).max(1)),
        None => rule,
    };
    let ended = SeriesChanges {
        rule: Some(aim.held.rule_before(at).to_string()),
        ..SeriesChanges::default()
    };
    store::update(tx, old.id, ended).await?;
    let (starts_at, ends_at) = pattern(alteration, at);
    let new = NewSeries {
        clinic_id: tx.clinic(),
        id: SeriesId::new_at(tx.now()),
        contact_id: old.contact_id,
        practitioner_id: change.practitioner.unwrap_or(old.practitioner_id),
        room_id: change.room.unwrap_or(old.room_id),
        service_id: change.service.unwrap_or(old.service_id),
        rule: rule.to_string(),
        zone: old.zone,
        starts_at,
        ends_at,
        notes: change.notes.as_ref().unwrap_or(&old.notes).as_ref(),
        previous_id: Some(old.id),
    };
    let series = store::insert(tx, new).await?;
    // Those that change are written anyhow, and go over then.
    store::give(tx, &alteration.unaffected(), series.id).await?;
    Ok(series)
}

/// Notes in the audit log what was done to the occurrences of `series` that `scope` means.
pub(super) fn note(tx: &mut TenantTx<'_>, action: &'static str, series: &Series, scope: SeriesScope) {
    let record = AuditRecord::new(action, "appointment_series", series.id.as_uuid());
    tx.audit(record.with_detail(json!({ "scope": scope })));
}
