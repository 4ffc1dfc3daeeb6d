//! An event as its handler sees it.

use kernel::{ClinicId, EventId, Lane, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::handlers::HandlerError;
use crate::store::Claim;

/// An event that is being handled.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    pub(crate) clinic: ClinicId,
    pub(crate) id: EventId,
    pub(crate) kind: String,
    pub(crate) payload: Value,
    pub(crate) created_at: Timestamp,
    pub(crate) attempt: i32,
    pub(crate) lane: Lane,
    pub(crate) is_job: bool,
    pub(crate) held_until: Timestamp,
}

impl std::fmt::Debug for Event {
    /// Without the payload, which may tell of a patient.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Event")
            .field("clinic", &self.clinic)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

impl Event {
    /// The clinic in which it happened.
    #[must_use]
    pub const fn clinic(&self) -> ClinicId {
        self.clinic
    }

    /// Its id: the same in each attempt, so that what an attempt writes can be made unique by it.
    #[must_use]
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// What happened, such as `appointment.completed`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// When it happened: the beginning of the transaction that wrote it.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Which attempt this is; the first is 1.
    #[must_use]
    pub const fn attempt(&self) -> i32 {
        self.attempt
    }

    /// The lane in which it waited.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// What is told of it.
    ///
    /// # Errors
    /// [`HandlerError::Reject`] when the payload has not the form of `T`: it will not have it later either.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, HandlerError> {
        T::deserialize(&self.payload).map_err(|error| {
            // The parser's words quote the payload.
            let category = error.classify();
            HandlerError::Reject(format!(
                "the payload is no {} ({category:?})",
                std::any::type_name::<T>()
            ))
        })
    }

    pub(crate) const fn claim(&self) -> Claim {
        Claim {
            clinic: self.clinic,
            id: self.id,
            attempt: self.attempt,
        }
    }
}
