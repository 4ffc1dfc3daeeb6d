//! Series as clients see them and ask for them.

use kernel::{
    AppointmentId, ContactId, FieldErrors, PractitionerId, RoomId, SeriesId, ServiceId, Timestamp, Version, Zone,
};
use rest::{Patch, View};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{
    Cancellation, Change, Choice, Exceptions, OnConflict, Policy, Series, SeriesRequest, SeriesScope, SeriesStatus,
};
use super::plan::{Checked, Decision, Obstacle};
use super::service::Made;
use crate::availability::ReasonCode;
use crate::booking::{BookingError, CancelledBy, Notes, OverbookPermit, Reason};
use crate::moment::Moment;
use crate::recurrence::{Rule, WallClock};

/// A series.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SeriesView {
    /// The series.
    pub id: SeriesId,
    /// Who comes.
    pub contact_id: ContactId,
    /// Who sees them.
    pub practitioner_id: PractitionerId,
    /// The room that was named; else one was chosen for each occurrence that needs one.
    pub room_id: Option<RoomId>,
    /// What for.
    pub service_id: Option<ServiceId>,
    /// How it recurs (RFC 5545, 3.3.10), on the wall clock of `zone`.
    #[schema(example = "FREQ=WEEKLY;BYDAY=TU;COUNT=10")]
    pub rule: String,
    /// On whose wall clocks.
    pub zone: Zone,
    /// When the first occurrence begins.
    pub starts_at: Timestamp,
    /// When it is over.
    pub ends_at: Timestamp,
    /// What to remember.
    pub notes: Option<Notes>,
    /// Where it stands.
    pub status: SeriesStatus,
    /// The series of which this one was split off.
    pub previous_id: Option<SeriesId>,
    /// How often it was written.
    #[schema(inline)]
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl View for SeriesView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl From<Series> for SeriesView {
    fn from(series: Series) -> Self {
        let Series {
            id,
            contact_id,
            practitioner_id,
            room_id,
            service_id,
            rule,
            zone,
            starts_at,
            ends_at,
            notes,
            status,
            previous_id,
            version,
            created_at,
            updated_at,
        } = series;
        Self {
            id,
            contact_id,
            practitioner_id,
            room_id,
            service_id,
            rule,
            zone,
            starts_at,
            ends_at,
            notes,
            status,
            previous_id,
            version,
            created_at,
            updated_at,
        }
    }
}

/// What became, or would become, of an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
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
pub enum Conflict {
    /// Nothing.
    Ok,
    /// Practitioner or room is taken.
    AppointmentConflict,
    /// The practitioner does not work then.
    OutsideHours,
}

/// Why the practitioner does not work then.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OccurrenceReason {
    /// What it is.
    code: ReasonCode,
    /// Since when it holds.
    from: Option<Timestamp>,
    /// Until when it holds.
    until: Option<Timestamp>,
}

/// A free slot near an occurrence.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct NearSlot {
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

/// What would become of a series.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewView {
    /// Whether nothing stands in the way of any occurrence.
    pub free: bool,
    /// Each occurrence that the rule names, in order.
    pub occurrences: Vec<OccurrenceView>,
}

impl View for PreviewView {}

impl From<Vec<OccurrenceView>> for PreviewView {
    fn from(occurrences: Vec<OccurrenceView>) -> Self {
        Self {
            free: occurrences.iter().all(|one| one.verdict == Conflict::Ok),
            occurrences,
        }
    }
}

/// A series that was made or changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeSeriesView {
    /// The series; a new one where an old one was split.
    pub series: SeriesView,
    /// What became of each occurrence that was meant.
    pub occurrences: Vec<OccurrenceView>,
}

impl View for MadeSeriesView {
    fn version(&self) -> Option<Version> {
        Some(self.series.version)
    }
}

impl From<Made> for MadeSeriesView {
    fn from(made: Made) -> Self {
        Self {
            series: made.series.into(),
            occurrences: made.occurrences,
        }
    }
}

/// What was called off.
#[derive(Debug, Serialize, ToSchema)]
pub struct CancelledSeriesView {
    /// The series.
    pub series: SeriesView,
    /// How many appointments were called off.
    pub cancelled: usize,
}

impl View for CancelledSeriesView {
    fn version(&self) -> Option<Version> {
        Some(self.series.version)
    }
}

/// What becomes of one occurrence: exactly one of `skip`, `overbook` and `starts_at`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OccurrenceChoice {
    /// When the rule puts it.
    occurrence_at: Timestamp,
    /// It is left out.
    #[serde(default)]
    skip: bool,
    /// It is squeezed in, if it has to be; needs `appointments:overbook`.
    #[serde(default)]
    overbook: bool,
    /// It begins at this time instead.
    starts_at: Option<Timestamp>,
}

/// A series that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateSeries {
    /// Who comes.
    contact_id: ContactId,
    /// Who sees them.
    practitioner_id: PractitionerId,
    /// What for; gives duration, buffers, price and whether a room is needed.
    service_id: Option<ServiceId>,
    /// Where; when none is named and the service needs one, a free one is chosen for each occurrence.
    room_id: Option<RoomId>,
    /// When the first occurrence begins: a time that `rule` names. All begin when the clinic's clocks show that time.
    starts_at: Timestamp,
    /// When the first is over; may be left out with a service.
    ends_at: Option<Timestamp>,
    /// How it recurs: RRULE of RFC 5545, daily at most, ended by COUNT or UNTIL; at most 200 occurrences in two years.
    #[schema(example = "FREQ=WEEKLY;BYDAY=TU;COUNT=10")]
    rule: String,
    /// Occurrences left out, by their time or their day in the clinic's zone (EXDATE). They count for COUNT.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["2026-12-24"]))]
    excluded: Vec<Moment>,
    /// What becomes of single occurrences.
    #[serde(default)]
    choices: Vec<OccurrenceChoice>,
    /// What to remember.
    notes: Option<String>,
    /// What becomes of occurrences that cannot be booked: `overbook` needs `appointments:overbook`.
    #[serde(default = "refuse")]
    #[schema(default = "refuse")]
    on_conflict: OnConflict,
}

const fn refuse() -> OnConflict {
    OnConflict::Refuse
}

/// The most that a body may list.
const MOST: usize = 200;

/// Gives the right to overbook to a caller who has it.
pub(super) type Permit<'p> = &'p dyn Fn() -> Result<OverbookPermit, BookingError>;

fn policy(on_conflict: OnConflict, permit: Permit<'_>) -> Result<Policy, BookingError> {
    Ok(match on_conflict {
        OnConflict::Refuse => Policy::Refuse,
        OnConflict::Skip => Policy::Skip,
        OnConflict::Overbook => Policy::Overbook(permit()?),
    })
}

fn take_notes(errors: &mut FieldErrors, notes: &str) -> Option<Notes> {
    Notes::parse(notes)
        .map_err(|error| errors.push("/notes", error.code(), error))
        .ok()
}

fn take_reason(errors: &mut FieldErrors, reason: &str) -> Option<Reason> {
    Reason::parse(reason)
        .map_err(|error| errors.push("/reason", error.code(), error))
        .ok()
}

impl CreateSeries {
    /// The request, with what the caller may do.
    pub(super) fn into_request(self, permit: Permit<'_>) -> Result<SeriesRequest, BookingError> {
        let mut errors = FieldErrors::new();
        let rule = Rule::parse(&self.rule)
            .map_err(|error| errors.push("/rule", error.code(), error))
            .ok();
        let notes = self.notes.and_then(|notes| take_notes(&mut errors, &notes));
        for (pointer, count) in [("/excluded", self.excluded.len()), ("/choices", self.choices.len())] {
            if count > MOST {
                errors.push(pointer, "too_many", format!("at most {MOST} may be listed"));
            }
        }
        let mut choices: Vec<(Timestamp, Choice)> = Vec::new();
        for (index, choice) in self.choices.iter().take(MOST).enumerate() {
            let pointer = format!("/choices/{index}");
            let chosen = match (choice.skip, choice.overbook, choice.starts_at) {
                (true, false, None) => Choice::Skip,
                (false, true, None) => Choice::Overbook(permit()?),
                (false, false, Some(other)) => Choice::Move(other),
                _ => {
                    errors.push(pointer, "ambiguous", "say exactly one of skip, overbook and starts_at");
                    continue;
                }
            };
            if choices.iter().any(|(at, _)| *at == choice.occurrence_at) {
                errors.push(pointer, "repeated", "there is a choice for this occurrence already");
            }
            choices.push((choice.occurrence_at, chosen));
        }
        let policy = policy(self.on_conflict, permit)?;
        let request = rule.map(|rule| SeriesRequest {
            contact: self.contact_id,
            practitioner: self.practitioner_id,
            service: self.service_id,
            room: self.room_id,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            rule,
            excluded: self.excluded,
            choices,
            notes,
            policy,
        });
        Ok(errors.finish(request)?)
    }
}

/// A change of a series.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSeries {
    /// How much of the series.
    scope: SeriesScope,
    /// The occurrence from which `scope` is meant; may be left out with `all`.
    appointment_id: Option<AppointmentId>,
    /// When that occurrence begins from now on (with `all` and none named: the next one). The others that are meant move by as
    /// much on the clinic's clocks.
    starts_at: Option<Timestamp>,
    /// When it is over; when left out, each stays as long as it was.
    ends_at: Option<Timestamp>,
    /// Who sees the patient from now on.
    practitioner_id: Option<PractitionerId>,
    /// Where; null gives the room back, or has one chosen when the service needs one.
    #[serde(default)]
    room_id: Patch<RoomId>,
    /// What for; prices become that service's.
    #[serde(default)]
    service_id: Patch<ServiceId>,
    /// What to remember; null clears.
    #[serde(default)]
    notes: Patch<String>,
    /// Why.
    reason: Option<String>,
    /// Whether occurrences that were changed by themselves stay as they were agreed.
    #[serde(default = "keep")]
    #[schema(default = "keep")]
    exceptions: Exceptions,
    /// What becomes of occurrences whose new time cannot be had: `skip` leaves them as they are, `overbook` needs
    /// `appointments:overbook`.
    #[serde(default = "refuse")]
    #[schema(default = "refuse")]
    on_conflict: OnConflict,
}

const fn keep() -> Exceptions {
    Exceptions::Keep
}

impl ChangeSeries {
    /// The change, with what the caller may do.
    pub(super) fn into_change(self, permit: Permit<'_>) -> Result<Change, BookingError> {
        let mut errors = FieldErrors::new();
        let reason = self.reason.and_then(|reason| take_reason(&mut errors, &reason));
        let notes = self
            .notes
            .into_change()
            .map(|notes| notes.and_then(|notes| take_notes(&mut errors, &notes)));
        let change = Change {
            scope: self.scope,
            occurrence: self.appointment_id,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            practitioner: self.practitioner_id,
            room: self.room_id.into_change(),
            service: self.service_id.into_change(),
            notes,
            reason,
            exceptions: self.exceptions,
            policy: policy(self.on_conflict, permit)?,
        };
        let asks_nothing = change.starts_at.is_none()
            && change.ends_at.is_none()
            && change.practitioner.is_none()
            && change.room.is_none()
            && change.service.is_none()
            && change.notes.is_none();
        if asks_nothing && change.exceptions == Exceptions::Keep {
            errors.push("", "nothing_to_change", "say what is to change");
        }
        Ok(errors.finish(Some(change))?)
    }
}

/// A cancellation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelSeries {
    /// How much of the series.
    scope: SeriesScope,
    /// The occurrence from which `scope` is meant; may be left out with `all`.
    appointment_id: Option<AppointmentId>,
    /// Who called it off; the clinic when nobody is named.
    #[schema(default = "clinic")]
    by: Option<CancelledBy>,
    /// Why.
    reason: Option<String>,
}

impl TryFrom<CancelSeries> for Cancellation {
    type Error = FieldErrors;

    fn try_from(body: CancelSeries) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let reason = body.reason.and_then(|reason| take_reason(&mut errors, &reason));
        errors.finish(Some(Self {
            scope: body.scope,
            occurrence: body.appointment_id,
            by: body.by.unwrap_or(CancelledBy::Clinic),
            reason,
        }))
    }
}
