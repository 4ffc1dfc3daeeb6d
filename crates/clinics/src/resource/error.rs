//! The kinds of rows of this domain, and what stands against archiving one.

use rest::Problem;
pub use rest::RowError;
pub(crate) use rest::{check_version, domain_error};

/// The kinds of rows of this domain.
pub(crate) mod kind {
    use rest::Resource;

    /// The clinic's settings.
    pub(crate) const CLINIC: Resource = Resource::new("clinic", "clinic_not_found");
    /// A person's place in the clinic.
    pub(crate) const MEMBER: Resource = Resource::new("membership", "staff_not_found");
    /// A professional who sees patients.
    pub(crate) const PRACTITIONER: Resource = Resource::new("practitioner", "practitioner_not_found");
    /// A room.
    pub(crate) const ROOM: Resource = Resource::new("room", "room_not_found");
    /// A bookable service.
    pub(crate) const SERVICE: Resource = Resource::new("service", "service_not_found");
    /// An entry of the weekly hours.
    pub(crate) const OPENING_HOURS: Resource = Resource::new("opening_hours", "opening_hours_not_found");
    /// A span without work.
    pub(crate) const TIME_OFF: Resource = Resource::new("time_off", "time_off_not_found");
    /// A holiday.
    pub(crate) const HOLIDAY: Resource = Resource::new("holiday", "holiday_not_found");
}

/// What stands against archiving a row that appointments name.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The row itself.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Appointments to come still need the row.
    #[error("{count} upcoming appointments need it: move or cancel these first")]
    HasUpcomingAppointments {
        /// How many.
        count: i64,
    },
}

domain_error!(ArchiveError);

impl From<ArchiveError> for Problem {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Row(error) => error.into(),
            ArchiveError::HasUpcomingAppointments { count } => {
                Self::conflict("has_upcoming_appointments", error.to_string()).with("count", count)
            }
        }
    }
}
