//! Series as clients ask for them; every fault of a body is told at once.

use kernel::{AppointmentId, ContactId, FieldErrors, PractitionerId, RoomId, ServiceId, Timestamp};
use rest::{Patch, ReadPatch};
use serde::Deserialize;
use utoipa::ToSchema;

use super::model::{Cancellation, Change, Choice, Exceptions, OnConflict, Policy, SeriesRequest, SeriesScope};
use crate::booking::{BookingError, CancelledBy, Notes, OverbookPermit, Reason};
use crate::moment::Moment;
use crate::recurrence::Rule;

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

impl CreateSeries {
    /// The request, with what the caller may do.
    pub(super) fn into_request(self, permit: Permit<'_>) -> Result<SeriesRequest, BookingError> {
        let mut errors = FieldErrors::new();
        let rule = errors.read("/rule", Rule::parse(&self.rule));
        let notes = errors.read_if_given("/notes", self.notes, |notes| Notes::parse(&notes));
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
        let reason = errors.read_if_given("/reason", self.reason, |reason| Reason::parse(&reason));
        let notes = errors.read_clearable("/notes", self.notes, |notes| Notes::parse(&notes));
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
        let reason = errors.read_if_given("/reason", body.reason, |reason| Reason::parse(&reason));
        errors.finish(Some(Self {
            scope: body.scope,
            occurrence: body.appointment_id,
            by: body.by.unwrap_or(CancelledBy::Clinic),
            reason,
        }))
    }
}
