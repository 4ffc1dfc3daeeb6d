//! What an appointment is.

use db::schema::appointments;
use diesel::prelude::*;
use kernel::money::{Currency, Money};
use kernel::text::{InvalidText, multiline};
use kernel::{
    AppointmentId, ContactId, PractitionerId, RoomId, SeriesId, ServiceId, TimeSlot, Timestamp, Version, text_column,
    text_enum,
};

text_enum! {
    /// Where an appointment stands.
    pub enum AppointmentStatus {
        /// Booked.
        Scheduled = "scheduled",
        /// Booked, and the patient said that they will come.
        Confirmed = "confirmed",
        /// The patient is here.
        CheckedIn = "checked_in",
        /// The patient is with the practitioner.
        InProgress = "in_progress",
        /// Over.
        Completed = "completed",
        /// Called off before it began.
        Cancelled = "cancelled",
        /// The patient did not come.
        NoShow = "no_show",
    }
    error = UnknownStatus, code = "unknown_status";
}

impl AppointmentStatus {
    /// Whether an appointment in this status keeps its practitioner and room busy.
    #[must_use]
    pub const fn occupies(self) -> bool {
        !matches!(self, Self::Cancelled | Self::NoShow)
    }

    /// Whether room and service of an appointment in this status may still be changed.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Scheduled | Self::Confirmed | Self::CheckedIn | Self::InProgress
        )
    }
}

text_enum! {
    /// Who called an appointment off.
    pub enum CancelledBy {
        /// The patient, or whoever speaks for them.
        Patient = "patient",
        /// The clinic.
        Clinic = "clinic",
        /// The practitioner.
        Practitioner = "practitioner",
    }
    error = UnknownCanceller, code = "unknown_canceller";
}

text_enum! {
    /// How an appointment came into the agenda.
    pub enum Source {
        /// Booked here.
        Staff = "staff",
        /// Brought in from another system's file.
        Import = "import",
    }
    error = UnknownSource, code = "unknown_source";
}

text_column! {
    /// What staff wrote about an appointment: 1 to 2,000 characters, line breaks allowed.
    #[schema(min_length = 1, max_length = 2000, example = "Trazer exames anteriores")]
    pub struct Notes(String);
    error = InvalidText;
    parse = Self::parse;
    stored = Self::parse;
    debug = |_: &str| "***";
}

impl Notes {
    /// The notes that `text` is, without outer white space.
    ///
    /// # Errors
    /// [`InvalidText`] when it is blank, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        multiline(text, 1, 2000).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_column! {
    /// Why somebody moved an appointment: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500, example = "Paciente viajou")]
    pub struct Reason(String);
    error = InvalidText;
    parse = Self::parse;
    stored = Self::parse;
    debug = |_: &str| "***";
}

impl Reason {
    /// The reason that `text` is, without outer white space.
    ///
    /// # Errors
    /// [`InvalidText`] when it is blank, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        multiline(text, 1, 500).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An appointment, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = appointments, check_for_backend(diesel::pg::Pg))]
pub struct Appointment {
    /// The appointment.
    pub id: AppointmentId,
    /// Who comes.
    pub contact_id: ContactId,
    /// Who sees them.
    pub practitioner_id: PractitionerId,
    /// Where, when that matters.
    pub room_id: Option<RoomId>,
    /// What for, when it is one of the clinic's services.
    pub service_id: Option<ServiceId>,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it is over.
    pub ends_at: Timestamp,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// Whether it was squeezed in, past hours and other bookings.
    pub overbooked: bool,
    /// What staff wrote about it.
    pub notes: Option<Notes>,
    /// Who called it off, when it was.
    pub cancelled_by: Option<CancelledBy>,
    /// Why it was called off, when somebody said.
    pub cancellation_reason: Option<Reason>,
    /// The paid appointment that this one follows up free of charge.
    pub follow_up_of_id: Option<AppointmentId>,
    /// Minor units of what it costs.
    pub price_cents: Option<i64>,
    /// The currency of that.
    pub price_currency: Option<Currency>,
    /// How it came into the agenda.
    pub source: Source,
    /// How often it changed in ways that a calendar program has to be told (RFC 5545, 3.8.7.4).
    pub sequence: i32,
    /// The series that it is of.
    pub series_id: Option<SeriesId>,
    /// When the rule of that series puts it (RFC 5545, 3.8.4.4).
    pub occurrence_at: Option<Timestamp>,
    /// Whether it was changed by itself, so that changes of the series pass it by.
    pub series_exception: bool,
    /// How often the row was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl Appointment {
    /// What it costs, when that is known.
    #[must_use]
    pub fn price(&self) -> Option<Money> {
        self.price_cents
            .zip(self.price_currency)
            .map(|(cents, currency)| Money::new(cents, currency))
    }

    /// Its time. None only for a row that the table's constraints would have refused.
    #[must_use]
    pub fn slot(&self) -> Option<TimeSlot> {
        TimeSlot::new(self.starts_at, self.ends_at).ok()
    }
}
