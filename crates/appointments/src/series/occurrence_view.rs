//! What became, or would become, of each occurrence, as clients see it.

use kernel::{AppointmentId, RoomId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::plan::{Checked, Decision, Obstacle};
use crate::availability::ReasonCode;
use crate::recurrence::WallClock;

/// What became, or would become, of an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It takes its time.
    Booked,
    /// It is squeezed in.
    Overbooked,
    /// It is left out, or left as it was.
    Skipped,
    /// It cannot be had.
    Refused,
}

/// What stands in the way of an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the names are words of the API")]
pub(super) enum Conflict {
    /// Nothing.
    Ok,
    /// Practitioner or room is taken.
    AppointmentConflict,
    /// The practitioner does not work then.
    OutsideHours,
}

/// Why the practitioner does not work then.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct OccurrenceReason {
    /// What it is.
    code: ReasonCode,
    /// Since when it holds.
    from: Option<Timestamp>,
    /// Until when it holds.
    until: Option<Timestamp>,
}

/// A free slot near an occurrence.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct NearSlot {
    /// When it begins.
    starts_at: Timestamp,
    /// When it is over.
    ends_at: Timestamp,
}

/// An occurrence, checked.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OccurrenceView {
    /// When the rule puts it.
    occurrence_at: Timestamp,
    /// When it begins.
    starts_at: Timestamp,
    /// When it is over.
    ends_at: Timestamp,
    /// Whether the wall clock shows that time once, twice (the first counts), or never (it counts by the offset from before).
    wall_clock: WallClock,
    /// What stands in its way.
    verdict: Conflict,
    /// What becomes of it.
    outcome: Outcome,
    /// What is taken: `practitioner` or `room`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "practitioner")]
    taken: Option<&'static str>,
    /// Why the practitioner does not work then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<OccurrenceReason>,
    /// Slots near it that were free; no two occurrences may take the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nearest_slots: Vec<NearSlot>,
    /// The room that it gets.
    room_id: Option<RoomId>,
    /// The appointment that it is.
    appointment_id: Option<AppointmentId>,
}

impl OccurrenceView {
    /// Whether nothing stands in its way.
    pub(super) fn is_free(&self) -> bool {
        self.verdict == Conflict::Ok
    }

    /// The same, known as the appointment `id`.
    pub(super) const fn booked_as(mut self, id: Option<AppointmentId>) -> Self {
        self.appointment_id = id;
        self
    }
}

impl From<Checked> for OccurrenceView {
    fn from(checked: Checked) -> Self {
        let Checked {
            candidate,
            obstacle,
            decision,
            nearest,
        } = checked;
        let (verdict, taken, reasons) = match obstacle {
            None => (Conflict::Ok, None, Vec::new()),
            Some(Obstacle::Taken(taken)) => (Conflict::AppointmentConflict, Some(taken.as_str()), Vec::new()),
            Some(Obstacle::Closed(reasons)) => (Conflict::OutsideHours, None, reasons),
        };
        let (outcome, room_id) = match decision {
            Decision::Book(claim) if claim.exclusive || candidate.wish.terms.overbooks() => {
                (Outcome::Booked, claim.room)
            }
            Decision::Book(claim) => (Outcome::Overbooked, claim.room),
            Decision::Skip => (Outcome::Skipped, None),
            Decision::Refuse => (Outcome::Refused, None),
        };
        Self {
            occurrence_at: candidate.occurrence_at,
            starts_at: candidate.booking.slot.starts_at(),
            ends_at: candidate.booking.slot.ends_at(),
            wall_clock: candidate.clock,
            verdict,
            outcome,
            taken,
            reasons: reasons
                .into_iter()
                .map(|reason| OccurrenceReason {
                    code: reason.code,
                    from: reason.from,
                    until: reason.until,
                })
                .collect(),
            nearest_slots: nearest
                .into_iter()
                .map(|slot| NearSlot {
                    starts_at: slot.starts_at(),
                    ends_at: slot.ends_at(),
                })
                .collect(),
            room_id,
            appointment_id: candidate.appointment,
        }
    }
}
