//! What can stand in the way of a delivery.

use auth::SealingError;
use db::{DbError, TxError};
use rest::Problem;

use crate::endpoints::EndpointError;

/// Why a delivery cannot be made, sent again, or shown.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The endpoint has no such delivery.
    #[error("there is no such delivery")]
    NotFound,
    /// The endpoint is disabled: nothing is sent there.
    #[error("the endpoint is disabled; enable it first")]
    EndpointDisabled,
    /// The endpoint itself.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A secret cannot be opened.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for DeliveryError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Endpoint(error) => error.db_error(),
            Self::Sealing(error) => error.db_error(),
            Self::Database(error) => Some(error),
            Self::NotFound | Self::EndpointDisabled => None,
        }
    }
}

impl From<DeliveryError> for Problem {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::NotFound => Self::not_found("webhook_delivery_not_found"),
            DeliveryError::EndpointDisabled => Self::conflict("webhook_endpoint_disabled", error.to_string()),
            DeliveryError::Endpoint(error) => error.into(),
            DeliveryError::Sealing(error) => Self::internal(&error),
            DeliveryError::Database(error) => error.into(),
        }
    }
}
