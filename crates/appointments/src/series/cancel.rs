//! Calling occurrences of a series off: one, it and those after it, or all that lie ahead.

use db::TenantTx;
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use kernel::{SeriesId, Version};

use super::change::note;
use super::error::SeriesError;
use super::held::Held;
use super::model::{Cancellation, Series, SeriesScope, SeriesStatus};
use super::service::announce;
use super::store::{self, SeriesChanges};
use crate::booking::store::{Busy, Locked};
use crate::booking::transitions::{announce as announce_move, changes_for, step_of, time_of};
use crate::booking::{Action, Appointment, BookingError, store as booking_store};
use crate::freed;

/// Calls occurrences of the series `id` off; says how many.
///
/// # Errors
/// [`SeriesError::NotFound`], [`SeriesError::Stale`], or [`SeriesError::Over`] when nothing of it lies ahead.
pub(super) async fn cancel(
    tx: &mut TenantTx<'_>,
    id: SeriesId,
    expected: Option<Version>,
    request: &Cancellation,
) -> Result<(Series, usize), SeriesError> {
    let held = Held::take(tx, id, expected).boxed_local().await?;
    let aim = held.aim(request.scope, request.occurrence)?;
    let affected: Vec<&Appointment> = aim
        .meant()
        .filter(|appointment| aim.lies_ahead(appointment, tx.now()))
        .collect();
    if affected.is_empty() {
        return Err(SeriesError::Over);
    }
    let zone = booking_store::zone(tx).await?;
    let action = Action::Cancel;
    let reason = request.reason.as_ref();
    let written = try_join_all(affected.iter().map(|before| {
        async {
            let status = action
                .leads_from(before.status)
                .ok_or(BookingError::Closed(before.status))?;
            let mut changes = changes_for(before, action, status);
            changes.cancelled_by = Some(Some(request.by));
            changes.cancellation_reason = Some(request.reason.clone());
            changes.series_exception = (request.scope == SeriesScope::This).then_some(true);
            let step = step_of(before, action, (status, before.starts_at), reason);
            booking_store::update(tx, before.id, changes, Some(step), Busy::Frees).await
        }
        .boxed_local()
    }))
    .await?;
    let ended = match (request.scope, aim.cut()) {
        (SeriesScope::This, _) => SeriesChanges::default(),
        (_, Some(at)) => SeriesChanges {
            rule: Some(held.rule_before(at).to_string()),
            ..SeriesChanges::default()
        },
        (_, None) => SeriesChanges {
            status: Some(SeriesStatus::Cancelled),
            ..SeriesChanges::default()
        },
    };
    let series = store::update(tx, id, ended).await?;
    for (before, after) in affected.iter().zip(&written) {
        let before = Locked {
            appointment: (*before).clone(),
            zone,
        };
        announce_move(tx, action, &before, after, reason);
        freed::tell(tx, time_of(&before.appointment));
    }
    note(tx, "appointment_series.cancel", &series, request.scope);
    let event = if series.status == SeriesStatus::Cancelled {
        "appointment_series.cancelled"
    } else {
        "appointment_series.updated"
    };
    announce(tx, event, &series);
    Ok((series, written.len()))
}
