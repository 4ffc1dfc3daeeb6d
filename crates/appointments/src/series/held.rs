//! A series of which occurrences are to change, all its appointments locked, and which of them are meant.

use chrono::TimeDelta;
use db::TenantTx;
use kernel::{AppointmentId, FieldErrors, SeriesId, Timestamp, Version};

use super::error::SeriesError;
use super::model::{Series, SeriesScope};
use super::occurrences::{MOST, local_in};
use super::store;
use crate::booking::{Action, Appointment};
use crate::recurrence::{InvalidRule, Rule, Window};

/// A series that is being changed, with all its appointments.
pub(super) struct Held {
    pub(super) series: Series,
    pub(super) rule: Rule,
    appointments: Vec<Appointment>,
}

impl Held {
    pub(super) async fn take(tx: &TenantTx<'_>, id: SeriesId, expected: Option<Version>) -> Result<Self, SeriesError> {
        let series = store::lock(tx, id).await?.ok_or(SeriesError::NotFound)?;
        if expected.is_some_and(|version| version != series.version) {
            return Err(SeriesError::Stale);
        }
        let appointments = store::lock_occurrences(tx, id).await?;
        let rule = Rule::parse(&series.rule).map_err(|error| rule_fault(&error))?;
        Ok(Self {
            series,
            rule,
            appointments,
        })
    }

    /// Which occurrences are meant by `scope`, from the appointment `named` on.
    ///
    /// # Errors
    /// It is no occurrence of the series, or none was named where one has to be.
    pub(super) fn aim(&self, scope: SeriesScope, named: Option<AppointmentId>) -> Result<Aim<'_>, FieldErrors> {
        let anchor = match named {
            None if scope == SeriesScope::All => None,
            None => {
                let message = "say which occurrence is meant";
                return Err(FieldErrors::one("/appointment_id", "required", message));
            }
            Some(id) => {
                let found = self.appointments.iter().find(|appointment| appointment.id == id);
                let unknown = || FieldErrors::one("/appointment_id", "unknown", "the series has no such appointment");
                Some(found.ok_or_else(unknown)?)
            }
        };
        Ok(Aim {
            held: self,
            scope,
            anchor,
        })
    }

    /// How many occurrences the rule names before `at`.
    pub(super) fn named_before(&self, at: Timestamp) -> Result<u32, SeriesError> {
        let zone = self.series.zone;
        let first = self.series.starts_at.local_in(zone);
        let window = Window {
            from: first,
            until: at.local_in(zone).max(first),
            most: MOST,
        };
        let expansion = self
            .rule
            .expand(first, local_in(zone), window)
            .map_err(|error| rule_fault(&error))?;
        Ok(u32::try_from(expansion.starts.len()).unwrap_or(u32::MAX))
    }

    /// The rule of what comes before `at`.
    pub(super) fn rule_before(&self, at: Timestamp) -> Rule {
        let last = at.saturating_add(-TimeDelta::seconds(1));
        self.rule.clone().ended_at(last.as_datetime())
    }
}

fn rule_fault(error: &InvalidRule) -> SeriesError {
    FieldErrors::one("/rule", error.code(), error).into()
}

/// Which occurrences of a series are meant.
#[derive(Clone, Copy)]
pub(super) struct Aim<'h> {
    pub(super) held: &'h Held,
    pub(super) scope: SeriesScope,
    /// The occurrence from which `scope` is meant.
    pub(super) anchor: Option<&'h Appointment>,
}

impl<'h> Aim<'h> {
    /// Those that are meant, whether or not they may still be changed.
    pub(super) fn meant(self) -> impl Iterator<Item = &'h Appointment> {
        self.held
            .appointments
            .iter()
            .filter(move |appointment| match (self.scope, self.anchor) {
                (SeriesScope::This, Some(anchor)) => appointment.id == anchor.id,
                (SeriesScope::Following, Some(anchor)) => appointment.occurrence_at >= anchor.occurrence_at,
                _ => true,
            })
    }

    /// Whether one that is meant may still be changed: it is not called off, and has not begun unless it alone is meant.
    pub(super) fn lies_ahead(self, appointment: &Appointment, now: Timestamp) -> bool {
        Action::Reschedule.leads_from(appointment.status).is_some()
            && (self.scope == SeriesScope::This || appointment.starts_at >= now)
    }

    /// Where the series is cut so that the anchor begins what follows; none when nothing would be left before it.
    pub(super) fn cut(self) -> Option<Timestamp> {
        let anchor = self.anchor.filter(|_| self.scope == SeriesScope::Following);
        let at = anchor?.occurrence_at?;
        let earlier = |appointment: &Appointment| appointment.occurrence_at.is_some_and(|other| other < at);
        self.held.appointments.iter().any(earlier).then_some(at)
    }
}
