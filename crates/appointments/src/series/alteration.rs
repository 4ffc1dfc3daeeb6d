//! What a change comes to for the occurrences of a series: which change, and where each would go.

use chrono::{NaiveDateTime, TimeDelta};
use db::TenantTx;
use kernel::{AppointmentId, FieldErrors, Timestamp};

use super::error::SeriesError;
use super::held::{Aim, Held};
use super::model::{Change, Exceptions, SeriesScope};
use super::plan::Candidate;
use crate::booking::context::Context;
use crate::booking::plan::{Booking, Wish};
use crate::booking::{Appointment, Terms};
use crate::recurrence::{Rule, WallClock, instant_of};

/// A change, and the occurrences that it changes.
pub(super) struct Alteration<'h> {
    pub(super) aim: Aim<'h>,
    pub(super) change: &'h Change,
    /// The occurrences that change; there is one at least.
    pub(super) affected: Vec<&'h Appointment>,
    /// The first of them.
    first: &'h Appointment,
    pub(super) shift: Shift,
}

/// By how much the wall-clock times move.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    pub(super) by: TimeDelta,
    /// How many calendar days of that.
    days: i64,
    /// How long each is from now on, when that is said.
    pub(super) duration: Option<TimeDelta>,
}

impl Shift {
    /// The shift that `change` asks for, seen from the occurrence `from`.
    fn of(change: &Change, from: &Appointment, held: &Held) -> Result<Self, FieldErrors> {
        let zone = held.series.zone;
        let base = base_of(from, change.scope);
        let to = change.starts_at.unwrap_or(base);
        let duration = change.ends_at.map(|ends_at| ends_at.since(to));
        if duration.is_some_and(|duration| duration <= TimeDelta::zero()) {
            let message = "the end must come after the start";
            return Err(FieldErrors::one("/ends_at", "invalid_slot", message));
        }
        let (base, to): (NaiveDateTime, NaiveDateTime) = (base.local_in(zone), to.local_in(zone));
        Ok(Self {
            by: to - base,
            days: (to.date() - base.date()).num_days(),
            duration,
        })
    }
}

/// From where an appointment moves: from its own time when it alone is meant, else from where the rule puts it.
fn base_of(appointment: &Appointment, scope: SeriesScope) -> Timestamp {
    match scope {
        SeriesScope::This => appointment.starts_at,
        SeriesScope::Following | SeriesScope::All => place_of(appointment),
    }
}

/// Where the rule puts an appointment.
fn place_of(appointment: &Appointment) -> Timestamp {
    appointment.occurrence_at.unwrap_or(appointment.starts_at)
}

impl<'h> Alteration<'h> {
    /// What `change` comes to at the time `now`.
    ///
    /// # Errors
    /// [`SeriesError::Over`] when nothing of what is meant lies ahead, and what makes no sense in the change.
    pub(super) fn new(held: &'h Held, change: &'h Change, now: Timestamp) -> Result<Self, SeriesError> {
        let aim = held.aim(change.scope, change.occurrence)?;
        let affected: Vec<&Appointment> = aim
            .meant()
            .filter(|appointment| aim.lies_ahead(appointment, now))
            .filter(|appointment| change.takes_exceptions() || !appointment.series_exception)
            .collect();
        let shift = match aim.anchor.or(affected.first().copied()) {
            Some(from) => Shift::of(change, from, held)?,
            None => return Err(SeriesError::Over),
        };
        let first = affected.first().copied().ok_or(SeriesError::Over)?;
        Ok(Self {
            aim,
            change,
            affected,
            first,
            shift,
        })
    }

    /// Whether one occurrence alone is meant.
    pub(super) fn is_of_one(&self) -> bool {
        self.change.scope == SeriesScope::This
    }

    /// The rule of the occurrences once they have moved.
    ///
    /// # Errors
    /// It hangs on the calendar and they go to other days.
    pub(super) fn rule(&self) -> Result<Rule, FieldErrors> {
        let rule = self.aim.held.rule.clone();
        if self.is_of_one() {
            return Ok(rule);
        }
        rule.shifted(self.shift.days).ok_or_else(|| {
            let message = "the days of this rule hang on the calendar, so it cannot move to other days: call off what \
                           follows and make a new series";
            FieldErrors::one("/starts_at", "rule_cannot_move", message)
        })
    }

    /// What the first occurrence asks for; names the same people, rooms and services as all.
    pub(super) fn first_wish(&self) -> Wish {
        self.wish(self.first, self.first.starts_at, self.first.ends_at)
    }

    fn wish(&self, appointment: &Appointment, starts_at: Timestamp, ends_at: Timestamp) -> Wish {
        let change = self.change;
        let terms = if change.reschedules() || change.exceptions == Exceptions::Overwrite {
            Terms::Regular
        } else {
            Terms::Kept {
                overbooked: appointment.overbooked,
            }
        };
        Wish {
            practitioner: change.practitioner.unwrap_or(appointment.practitioner_id),
            service: change.service.unwrap_or(appointment.service_id),
            service_is_new: change.service.is_some() || change.practitioner.is_some(),
            contact: None,
            room: change.room.flatten(),
            preferred_room: if change.room.is_some() {
                None
            } else {
                appointment.room_id
            },
            starts_at,
            ends_at: Some(ends_at),
            terms,
        }
    }

    /// `at`, moved on the wall clock of the series; none when that is in no year that there is.
    pub(super) fn moved(&self, at: Timestamp) -> Option<(Timestamp, WallClock)> {
        let zone = self.aim.held.series.zone;
        instant_of(zone, at.local_in(zone) + self.shift.by)
    }

    /// Where each occurrence would go, before anybody looks at the agenda.
    pub(super) fn candidates(&self, tx: &TenantTx<'_>, context: &Context) -> Result<Vec<Candidate>, SeriesError> {
        let candidate = |appointment: &&Appointment| self.candidate(tx, context, appointment);
        self.affected.iter().map(candidate).collect()
    }

    fn candidate(
        &self,
        tx: &TenantTx<'_>,
        context: &Context,
        appointment: &Appointment,
    ) -> Result<Candidate, SeriesError> {
        let change = self.change;
        let base = base_of(appointment, change.scope);
        let Some((moved, clock)) = self.moved(base) else {
            let message = "a time lies between the years 1900 and 2200";
            return Err(FieldErrors::one("/starts_at", "out_of_range", message).into());
        };
        let moves = self.shift.by != TimeDelta::zero() || base != appointment.starts_at;
        // The time that the client named for the occurrence is that time; what stays where it is stays to the second.
        let starts_at = match change.starts_at {
            Some(named) if change.occurrence == Some(appointment.id) => named,
            _ if moves => moved,
            _ => appointment.starts_at,
        };
        let ends_at = starts_at.saturating_add(self.shift.duration.unwrap_or_else(|| self.duration_of(appointment)));
        let wish = self.wish(appointment, starts_at, ends_at);
        let booking = Booking::plan(&wish, context, tx.now())?;
        Ok(Candidate {
            appointment: Some(appointment.id),
            occurrence_at: if self.is_of_one() { place_of(appointment) } else { moved },
            clock,
            wish,
            booking,
            policy: change.policy,
            skipped: false,
        })
    }

    /// How long an occurrence is when the change does not say: one that was changed by itself becomes like the others.
    fn duration_of(&self, appointment: &Appointment) -> TimeDelta {
        if appointment.series_exception && !self.is_of_one() {
            let series = &self.aim.held.series;
            series.ends_at.since(series.starts_at)
        } else {
            appointment.ends_at.since(appointment.starts_at)
        }
    }

    /// The occurrences that are meant and stay where they were agreed, and the places in the rule that are theirs from now on.
    pub(super) fn moved_places(&self, now: Timestamp) -> Vec<(AppointmentId, Timestamp)> {
        if self.change.takes_exceptions() || self.shift.by == TimeDelta::zero() {
            return Vec::new();
        }
        self.aim
            .meant()
            .filter(|appointment| appointment.series_exception && self.aim.lies_ahead(appointment, now))
            .filter_map(|appointment| Some((appointment.id, self.moved(place_of(appointment))?.0)))
            .collect()
    }

    /// The occurrences that are meant and do not change.
    pub(super) fn unaffected(&self) -> Vec<AppointmentId> {
        let is_affected = |id: AppointmentId| self.affected.iter().any(|appointment| appointment.id == id);
        self.aim
            .meant()
            .map(|appointment| appointment.id)
            .filter(|id| !is_affected(*id))
            .collect()
    }
}
