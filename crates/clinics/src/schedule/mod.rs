//! When a clinic works: its weekly hours, spans without work, and holidays.

mod dates;
mod error;
pub mod holidays;
pub mod opening_hours;
pub mod time_off;

use kernel::{FieldErrors, PractitionerId, text_enum};
use utoipa_actix_web::service_config::ServiceConfig;

pub use error::ScheduleError;

use crate::practitioners;

text_enum! {
    /// Whose hours or spans a list shows.
    pub enum OwnerKind {
        /// The whole clinic's.
        Clinic = "clinic",
        /// Those of single practitioners.
        Practitioner = "practitioner",
    }
    error = InvalidOwnerKind, code = "unknown_owner";
}

/// Makes sure that `practitioner`, where one is named, is one of the clinic in use.
async fn check_practitioner(
    tx: &db::TenantRead<'_>,
    practitioner: Option<PractitionerId>,
) -> Result<(), ScheduleError> {
    match practitioner {
        Some(id) if !practitioners::store::is_active(tx, id).await? => Err(FieldErrors::one(
            "/practitioner_id",
            "unknown_practitioner",
            "the clinic has no practitioner in use with this id",
        )
        .into()),
        _ => Ok(()),
    }
}

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    opening_hours::routes(config);
    time_off::routes(config);
    holidays::routes(config);
}
