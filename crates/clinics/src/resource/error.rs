//! Errors that every kind of row shares, and how they reach clients.

use db::{DbError, TxError};
use kernel::Version;
use rest::Problem;

/// A kind of row, as errors and the audit log name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The clinic's settings.
    Clinic,
    /// A person's place in the clinic.
    Member,
    /// A professional who sees patients.
    Practitioner,
    /// A room.
    Room,
    /// A bookable service.
    Service,
    /// An entry of the weekly hours.
    OpeningHours,
    /// A span without work.
    TimeOff,
    /// A holiday.
    Holiday,
}

impl Resource {
    /// The kind's name in the audit log and for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clinic => "clinic",
            Self::Member => "membership",
            Self::Practitioner => "practitioner",
            Self::Room => "room",
            Self::Service => "service",
            Self::OpeningHours => "opening_hours",
            Self::TimeOff => "time_off",
            Self::Holiday => "holiday",
        }
    }

    /// The code of a 404.
    const fn not_found(self) -> &'static str {
        match self {
            Self::Clinic => "clinic_not_found",
            Self::Member => "staff_not_found",
            Self::Practitioner => "practitioner_not_found",
            Self::Room => "room_not_found",
            Self::Service => "service_not_found",
            Self::OpeningHours => "opening_hours_not_found",
            Self::TimeOff => "time_off_not_found",
            Self::Holiday => "holiday_not_found",
        }
    }
}

/// What can be wrong with any row that is looked for or written.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The clinic has no such row.
    #[error("the clinic has no such {}", .0.name())]
    NotFound(Resource),
    /// The row was written since the version that the caller read.
    #[error("the row was changed in the meantime")]
    VersionMismatch,
    /// The id that the caller chose is in use.
    #[error("the id is in use")]
    IdTaken,
    /// The row is archived, and archived rows do not change.
    #[error("the {} is archived", .0.name())]
    Archived(Resource),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for RowError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

impl From<RowError> for Problem {
    fn from(error: RowError) -> Self {
        match error {
            RowError::NotFound(resource) => Self::not_found(resource.not_found()),
            RowError::VersionMismatch => Self::precondition_failed(),
            RowError::IdTaken => Self::conflict("id_taken", error.to_string()),
            RowError::Archived(_) => Self::conflict("archived", format!("{error} and does not change any more")),
            RowError::Database(error) => error.into(),
        }
    }
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

/// Lets a unit of work end with the error `$error`, whose variant `Row` holds a [`RowError`].
macro_rules! domain_error {
    ($error:ty) => {
        impl From<::db::DbError> for $error {
            fn from(error: ::db::DbError) -> Self {
                Self::Row(error.into())
            }
        }

        impl ::db::TxError for $error {
            fn db_error(&self) -> Option<&::db::DbError> {
                match self {
                    Self::Row(error) => error.db_error(),
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use domain_error;

/// Compares the version that a caller read with the one there is.
///
/// # Errors
/// [`RowError::VersionMismatch`] when they differ.
pub(crate) fn check_version(expected: Option<Version>, found: Version) -> Result<(), RowError> {
    if expected.is_none_or(|expected| expected == found) {
        Ok(())
    } else {
        Err(RowError::VersionMismatch)
    }
}
