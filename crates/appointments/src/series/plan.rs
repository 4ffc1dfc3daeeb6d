//! Every occurrence checked one by one: against hours, against what is booked, and against the others. Pure.

use std::collections::HashMap;

use chrono::TimeDelta;
use kernel::{AppointmentId, PractitionerId, RoomId, TimeSlot, Timestamp};

use super::model::Policy;
use crate::availability::Reason;
use crate::availability::grid::Step;
use crate::availability::service::Hours;
use crate::availability::slots::{self, Room, SlotShape};
use crate::availability::spans::{Span, SpanSet};
use crate::booking::context::Context;
use crate::booking::plan::{Booking, Wish};
use crate::occupancy::{Claim, RoomNeed, RoomState, Taken, choose_room};
use crate::recurrence::WallClock;

/// How many free slots are named near one that cannot be had.
const NEAREST: usize = 3;
/// How far around it they are looked for.
const NEAR: TimeDelta = TimeDelta::days(3);

/// An occurrence to be checked.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The appointment that it is already, when it is to change.
    pub(super) appointment: Option<AppointmentId>,
    /// When the rule puts it.
    pub(super) occurrence_at: Timestamp,
    pub(super) clock: WallClock,
    pub(super) wish: Wish,
    pub(super) booking: Booking,
    /// What becomes of it if it cannot be had.
    pub(super) policy: Policy,
    /// Whether it was to be left out from the start.
    pub(super) skipped: bool,
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    Taken(Taken),
    Closed(Vec<Reason>),
}

/// What becomes of an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It takes its time.
    Book(Claim),
    /// It is left out.
    Skip,
    /// It cannot be had.
    Refuse,
}

/// An occurrence that was checked.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) candidate: Candidate,
    pub(super) obstacle: Option<Obstacle>,
    pub(super) decision: Decision,
    /// Free slots near it, when it cannot be had.
    pub(super) nearest: Vec<TimeSlot>,
}

/// What the occurrences are checked against.
#[derive(Debug)]
pub(super) struct Situation {
    pub(super) hours: Hours,
    /// When each of those concerned is taken, by others.
    pub(super) practitioners: HashMap<PractitionerId, SpanSet>,
    /// When each room is taken, by others.
    pub(super) rooms: HashMap<RoomId, SpanSet>,
    /// The rooms to choose from, in the order of their names.
    pub(super) choice: Vec<RoomId>,
    pub(super) now: Timestamp,
}

impl Situation {
    /// Checks every candidate, in order; each that is booked takes its time from those after it.
    pub(super) fn check(&self, candidates: Vec<Candidate>, context: &Context) -> Vec<Checked> {
        let mut own: Vec<Claim> = Vec::new();
        let mut checked = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let one = self.check_one(candidate, context, &own);
            if let Decision::Book(claim) = one.decision
                && claim.exclusive
            {
                own.push(claim);
            }
            checked.push(one);
        }
        checked
    }

    fn check_one(&self, candidate: Candidate, context: &Context, own: &[Claim]) -> Checked {
        if candidate.skipped {
            return Checked {
                candidate,
                obstacle: None,
                decision: Decision::Skip,
                nearest: Vec::new(),
            };
        }
        let found = self.find(&candidate, own);
        let (obstacle, decision) = match found {
            Ok(claim) => (None, Decision::Book(claim)),
            Err(obstacle) => {
                let decision = match candidate.policy {
                    Policy::Refuse => Decision::Refuse,
                    Policy::Skip => Decision::Skip,
                    Policy::Overbook(_) => self.room(&candidate, own, true).map_or(Decision::Refuse, |room| {
                        Decision::Book(claim_of(&candidate, room, false))
                    }),
                };
                (Some(obstacle), decision)
            }
        };
        let nearest = match (&obstacle, decision) {
            (Some(_), Decision::Refuse | Decision::Skip) => self.nearest(&candidate, context),
            _ => Vec::new(),
        };
        Checked {
            candidate,
            obstacle,
            decision,
            nearest,
        }
    }

    /// The claim of a candidate whose time can be had, or what stands in the way.
    fn find(&self, candidate: &Candidate, own: &[Claim]) -> Result<Claim, Obstacle> {
        let terms = candidate.wish.terms;
        if terms.keeps_hours() {
            let reasons = self.hours.why_closed(&candidate.booking.slot);
            if !reasons.is_empty() {
                return Err(Obstacle::Closed(reasons));
            }
        }
        let exclusive = terms.is_exclusive();
        let busy = candidate.booking.busy;
        if exclusive
            && (taken(self.practitioners.get(&candidate.wish.practitioner), candidate)
                || own
                    .iter()
                    .any(|claim| claim.practitioner == candidate.wish.practitioner && claim.busy.overlaps(&busy)))
        {
            return Err(Obstacle::Taken(Taken::Practitioner));
        }
        let room = self
            .room(candidate, own, !exclusive)
            .ok_or(Obstacle::Taken(Taken::Room))?;
        Ok(claim_of(candidate, room, exclusive))
    }

    /// The room that a candidate gets, if it needs one; none when it needs one and all are taken.
    #[expect(
        clippy::option_option,
        reason = "whether there is a room is one question, whether one is needed another"
    )]
    fn room(&self, candidate: &Candidate, own: &[Claim], overbooks: bool) -> Option<Option<RoomId>> {
        let is_busy = |room: RoomId| {
            taken(self.rooms.get(&room), candidate)
                || own
                    .iter()
                    .any(|claim| claim.room == Some(room) && claim.busy.overlaps(&candidate.booking.busy))
        };
        match candidate.booking.room {
            RoomNeed::None => Some(None),
            RoomNeed::Exactly(room) => (overbooks || !is_busy(room)).then_some(Some(room)),
            RoomNeed::Any { preferred } => {
                let states: Vec<RoomState> = self
                    .choice
                    .iter()
                    .map(|id| RoomState {
                        id: *id,
                        busy: is_busy(*id),
                    })
                    .collect();
                choose_room(&states, preferred, overbooks).map(Some)
            }
        }
    }

    /// Some slots near the candidate that are free as far as others are concerned.
    fn nearest(&self, candidate: &Candidate, context: &Context) -> Vec<TimeSlot> {
        let slot = candidate.booking.slot;
        let service = context.service.as_ref();
        let step = service.and_then(|service| service.step).unwrap_or(context.slot_step);
        let shape = i32::try_from(step.num_minutes())
            .ok()
            .and_then(Step::minutes)
            .map(|step| SlotShape {
                duration: slot.duration(),
                buffer_before: service.map_or(TimeDelta::zero(), |service| service.buffer_before),
                buffer_after: service.map_or(TimeDelta::zero(), |service| service.buffer_after),
                step,
            });
        let middle = slot.starts_at();
        let around = Span::new(middle.saturating_add(-NEAR).max(self.now), middle.saturating_add(NEAR));
        let (Some(shape), Some(around)) = (shape, around) else {
            return Vec::new();
        };
        let rooms_asked: Vec<RoomId> = match candidate.booking.room {
            RoomNeed::None => Vec::new(),
            RoomNeed::Exactly(room) => vec![room],
            RoomNeed::Any { .. } => self.choice.clone(),
        };
        let rooms: Vec<Room> = rooms_asked
            .into_iter()
            .map(|id| Room {
                id,
                busy: self.rooms.get(&id).cloned().unwrap_or_default(),
            })
            .collect();
        let need = if rooms.is_empty() {
            slots::RoomNeed::None
        } else {
            slots::RoomNeed::AnyOf(&rooms)
        };
        let none = SpanSet::default();
        let busy = self.practitioners.get(&candidate.wish.practitioner).unwrap_or(&none);
        let mut found = slots::find(around, context.zone, self.hours.working(), busy, need, &shape);
        found.sort_by_key(|free| free.slot.starts_at().since(middle).abs());
        found.truncate(NEAREST);
        let mut nearest: Vec<TimeSlot> = found.into_iter().map(|free| free.slot).collect();
        nearest.sort_unstable();
        nearest
    }
}

fn taken(by: Option<&SpanSet>, candidate: &Candidate) -> bool {
    let busy = candidate.booking.busy;
    Span::new(busy.from(), busy.until()).is_some_and(|span| by.is_some_and(|taken| taken.overlapping(&span).is_some()))
}

fn claim_of(candidate: &Candidate, room: Option<RoomId>, exclusive: bool) -> Claim {
    Claim {
        practitioner: candidate.wish.practitioner,
        room,
        busy: candidate.booking.busy,
        exclusive,
    }
}
