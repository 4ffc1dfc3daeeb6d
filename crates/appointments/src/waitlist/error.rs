//! Why the waiting list refuses something.

use db::{DbError, tx_error};
use kernel::FieldErrors;
use rest::Problem;

use super::model::{EntryStatus, OfferStatus};
use crate::booking::BookingError;

/// Why the waiting list refuses something.
#[derive(Debug, thiserror::Error)]
pub enum WaitlistError {
    /// No such entry in this clinic.
    #[error("there is no such entry on the waiting list")]
    NotFound,
    /// No such offer to this entry.
    #[error("there is no such offer")]
    OfferNotFound,
    /// It is not the version that the caller read.
    #[error("the entry was changed since")]
    Stale,
    /// The entry is not on the list any more.
    #[error("an entry that is {0} does not change any more")]
    Closed(EntryStatus),
    /// The entry has an open offer already.
    #[error("the entry has an open offer already")]
    AlreadyOffered,
    /// The offer was taken, refused, taken back, or has lapsed.
    #[error("the offer is {0} and cannot be answered any more")]
    OfferClosed(OfferStatus),
    /// The time cannot be offered, or what was offered cannot be booked any more.
    #[error("that time cannot be booked: {0}")]
    NotBookable(BookingError),
    /// The id that the client chose is in use.
    #[error("the id is in use")]
    IdTaken,
    /// Values that make no sense.
    #[error("invalid values: {0}")]
    Invalid(FieldErrors),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<FieldErrors> for WaitlistError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

impl From<BookingError> for WaitlistError {
    fn from(error: BookingError) -> Self {
        match error {
            BookingError::Database(error) => Self::Database(error),
            other => Self::NotBookable(other),
        }
    }
}

tx_error!(WaitlistError);

impl From<WaitlistError> for Problem {
    fn from(error: WaitlistError) -> Self {
        let detail = error.to_string();
        match error {
            WaitlistError::NotFound => Self::not_found("waitlist_entry_not_found"),
            WaitlistError::OfferNotFound => Self::not_found("waitlist_offer_not_found"),
            WaitlistError::Stale => Self::precondition_failed(),
            WaitlistError::Closed(status) => {
                Self::conflict("waitlist_entry_closed", detail).with("entry_status", status.as_str())
            }
            WaitlistError::AlreadyOffered => Self::conflict("already_offered", detail),
            WaitlistError::OfferClosed(status) => {
                Self::conflict("offer_closed", detail).with("offer_status", status.as_str())
            }
            WaitlistError::NotBookable(_) => Self::conflict("offer_not_bookable", detail),
            WaitlistError::IdTaken => Self::conflict("id_taken", detail),
            WaitlistError::Invalid(errors) => errors.into(),
            WaitlistError::Database(error) => error.into(),
        }
    }
}
