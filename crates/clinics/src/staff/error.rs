//! What can stand against changing the staff.

use rest::Problem;

use crate::resource::error::{RowError, domain_error};

/// Why a member of the staff cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum StaffError {
    /// As for any row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The member is, or would become, an owner, and the caller is none.
    #[error("only owners change owners")]
    OwnersOnly,
    /// A role that would be given or taken may do what the caller may not.
    #[error("nobody gives or takes roles with permissions that they lack")]
    RoleBeyondYours,
    /// Nobody would own the clinic.
    #[error("a clinic keeps at least one owner")]
    LastOwner,
}

domain_error!(StaffError);

impl From<StaffError> for Problem {
    fn from(error: StaffError) -> Self {
        match error {
            StaffError::Row(error) => error.into(),
            StaffError::OwnersOnly => Self::forbidden("owners_only", error.to_string()),
            StaffError::RoleBeyondYours => Self::forbidden("role_beyond_yours", error.to_string()),
            StaffError::LastOwner => Self::conflict("last_owner", error.to_string()),
        }
    }
}
