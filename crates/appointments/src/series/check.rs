//! Checking the occurrences of a series, all at once, against the agenda.

use chrono::TimeDelta;
use db::{DbError, TenantRead};
use futures_util::FutureExt;
use futures_util::future::try_join;
use kernel::{AppointmentId, FieldErrors, HoldId, RoomId};

use super::error::SeriesError;
use super::occurrence_view::OccurrenceView;
use super::plan::{Candidate, Checked, Decision, Situation};
use super::store;
use crate::availability;
use crate::availability::spans::Span;
use crate::booking::context::Context;
use crate::occupancy::{self, LockKeys, RoomNeed};

/// So much time around the occurrences is read along, for free slots that may be named instead.
const AROUND: TimeDelta = TimeDelta::days(4);

/// Takes the locks of every candidate at once, in the order in which everybody takes them.
pub(super) async fn lock(tx: &TenantRead<'_>, candidates: &[Candidate]) -> Result<(), DbError> {
    let keys = candidates
        .iter()
        .filter(|one| !one.skipped)
        .fold(LockKeys::new(tx.clinic()), |keys, one| {
            let keys = keys.practitioner(one.wish.practitioner, &one.booking.busy);
            if one.booking.room == RoomNeed::None {
                keys
            } else {
                keys.rooms(&one.booking.busy)
            }
        });
    occupancy::store::lock(tx, &keys).await
}

/// Checks `candidates`, all of one practitioner, against the agenda, in which `own` does not count. Six statements, however many
/// there are; says also which holds have lapsed where they go.
pub(super) async fn check(
    tx: &TenantRead<'_>,
    candidates: Vec<Candidate>,
    context: &Context,
    own: &[AppointmentId],
) -> Result<(Vec<Checked>, Vec<HoldId>), SeriesError> {
    let busy: Vec<_> = candidates.iter().map(|one| one.booking.busy).collect();
    let from = busy.iter().map(occupancy::BusySpan::from).min();
    let until = busy.iter().map(occupancy::BusySpan::until).max();
    let span = from.zip(until).and_then(|(from, until)| Span::new(from, until));
    let (Some(span), Some(first)) = (span, candidates.first()) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let practitioner = first.wish.practitioner;
    let mut choice: Vec<RoomId> = Vec::new();
    if candidates
        .iter()
        .any(|one| matches!(one.booking.room, RoomNeed::Any { .. }))
    {
        let rooms = occupancy::store::rooms_for(tx, first.wish.service, &first.booking.busy, None).await?;
        choice.extend(rooms.into_iter().map(|room| room.id));
    }
    let mut rooms = choice.clone();
    rooms.extend(candidates.iter().filter_map(|one| match one.booking.room {
        RoomNeed::Exactly(room) => Some(room),
        RoomNeed::None | RoomNeed::Any { .. } => None,
    }));
    rooms.sort_unstable();
    rooms.dedup();
    let around = Span::new(
        span.starts_at().saturating_add(-AROUND),
        span.ends_at().saturating_add(AROUND),
    )
    .unwrap_or(span);
    let hours = availability::service::hours(tx, context.zone, practitioner, around);
    let taken = store::busy(tx, practitioner, &rooms, around, own);
    let (hours, taken) = try_join(hours.boxed_local(), taken.boxed_local()).await?;
    let situation = Situation {
        hours,
        practitioners: taken.practitioners,
        rooms: taken.rooms,
        choice,
        now: tx.now(),
    };
    Ok((situation.check(candidates, context), taken.lapsed))
}

/// Refuses when an occurrence cannot be had, or none is left.
pub(super) fn refuse_conflicts(checked: &[Checked]) -> Result<(), SeriesError> {
    let any_booked = checked.iter().any(|one| matches!(one.decision, Decision::Book(_)));
    let is_told = |one: &&Checked| {
        if any_booked {
            one.decision == Decision::Refuse
        } else {
            // What all was left out for.
            one.obstacle.is_some()
        }
    };
    let conflicts: Vec<OccurrenceView> = checked
        .iter()
        .filter(is_told)
        .cloned()
        .map(OccurrenceView::from)
        .collect();
    if !conflicts.is_empty() {
        return Err(SeriesError::Conflicts {
            total: checked.len(),
            conflicts,
        });
    }
    if any_booked {
        Ok(())
    } else {
        Err(FieldErrors::one("/choices", "nothing_left", "leaves nothing of the series").into())
    }
}
