//! What can be wrong with a room.

use rest::Problem;

use crate::resource::error::{RowError, domain_error};

/// Why a room cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// As for any row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Another room in use is called the same, accents and case aside.
    #[error("another room has this name")]
    NameTaken,
}

domain_error!(RoomError);

impl From<RoomError> for Problem {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::Row(error) => error.into(),
            RoomError::NameTaken => Self::conflict("room_exists", error.to_string()),
        }
    }
}
