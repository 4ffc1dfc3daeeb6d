//! When a line takes place: at the time that it gives, or at a free one of its day.

use chrono::{NaiveDate, TimeDelta};
use db::TenantTx;
use kernel::{ContactId, PractitionerId, TimeSlot};

use super::directory::{self, ServiceRow};
use super::ends::{LineEnd, rejected};
use super::layout::{Day, Layout, Shape};
use super::line::Line;
use super::person::NewContacts;
use super::resolve::{slot_of, whole_day};
use super::row::Length;
use super::run::Run;
use crate::availability::{self, Verdict};

impl<C: NewContacts> Run<'_, C> {
    /// The time that the line gives.
    pub(super) async fn given(
        &self,
        tx: &TenantTx<'_>,
        line: &Line<'_>,
        contact: ContactId,
        notes: &mut Vec<String>,
    ) -> Result<(PractitionerId, TimeSlot), LineEnd> {
        let [practitioner] = line.practitioners.as_slice() else {
            return Err(rejected("practitioner", "missing", "the line does not say with whom"));
        };
        let zone = self.directory.zone;
        let slot = slot_of(line.draft, self.shape(line).map(|shape| shape.duration), zone)?;
        if let Some(same) = directory::same(tx, contact, *practitioner, slot.starts_at()).await? {
            return Err(LineEnd::Duplicate {
                of: Some(same.into()),
                reason: "contact, practitioner and time",
            });
        }
        if let Verdict::Closed(_) = availability::service::check(tx, zone, *practitioner, &slot).await? {
            notes.push("outside opening hours, which imports pass over".to_owned());
        }
        Ok((*practitioner, slot))
    }

    /// A time for a line that gives a day only.
    pub(super) async fn lay_out(
        &self,
        tx: &TenantTx<'_>,
        layout: &mut Layout,
        line: &Line<'_>,
        date: NaiveDate,
        notes: &mut Vec<String>,
    ) -> Result<(PractitionerId, TimeSlot), LineEnd> {
        let zone = self.directory.zone;
        let shape = self.shape(line).ok_or_else(|| {
            rejected(
                "duration_minutes",
                "missing",
                "neither the line nor the options say how long it lasts",
            )
        })?;
        let unknown = layout.unknown(&line.practitioners, date);
        if !unknown.is_empty() {
            let whole =
                whole_day(date, zone).ok_or_else(|| rejected("starts_at", "invalid_time", "there is no such day"))?;
            for (practitioner, open, busy) in availability::service::open_and_busy(tx, zone, &unknown, whole).await? {
                layout.insert(practitioner, date, Day { whole, open, busy });
            }
        }
        let place = layout.find(&line.practitioners, date, shape).ok_or_else(|| {
            rejected(
                "starts_at",
                "no_free_time",
                "no practitioner has free time left on that day",
            )
        })?;
        layout.take(&place, date, shape);
        if !place.in_hours {
            notes.push("laid out outside opening hours, which imports pass over".to_owned());
        }
        Ok((place.practitioner, place.slot))
    }

    /// The time that the line takes, buffers included, as far as it is known without an end.
    fn shape(&self, line: &Line<'_>) -> Option<Shape> {
        let of_service = line.service.map(ServiceRow::shape);
        let told = match line.draft.length {
            Some(Length::For(duration)) => Some(duration),
            _ => None,
        };
        let duration = told
            .or(of_service.map(|shape| shape.duration))
            .or(self.options.duration)?;
        let bare = Shape {
            duration,
            before: TimeDelta::zero(),
            after: TimeDelta::zero(),
        };
        Some(of_service.map_or(bare, |shape| Shape { duration, ..shape }))
    }
}
