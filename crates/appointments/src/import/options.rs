//! How to import, and why an import does not run.

use chrono::TimeDelta;
use db::{DbError, tx_error};
use tabular::{ColumnChoice, MappingError};

/// How to import.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Which column holds what, where the headings do not tell.
    pub choices: Vec<ColumnChoice>,
    /// A rehearsal: everything is tried, in one transaction, and undone.
    pub dry_run: bool,
    /// Puts lines whose time is taken over what is there, instead of rejecting them.
    pub overbook: bool,
    /// Gives lines with a day and no time of day a free time of a practitioner.
    pub lay_out: bool,
    /// Whose the lines without a practitioner are: ids, names or registrations. With `lay_out`, all practitioners when empty.
    pub practitioners: Vec<String>,
    /// What the lines without a service are for: an id or a name.
    pub service: Option<String>,
    /// How long the lines without an end, a duration or a service last.
    pub duration: Option<TimeDelta>,
    /// Only lines of this unit.
    pub only_unit: Option<String>,
    /// The custom field of contacts in which the other system's ids are kept.
    pub external_id_field: String,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            choices: Vec::new(),
            dry_run: false,
            overbook: false,
            lay_out: false,
            practitioners: Vec::new(),
            service: None,
            duration: None,
            only_unit: None,
            external_id_field: "external_id".to_owned(),
        }
    }
}

/// Why an import did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The headings or the choices of columns do not fit.
    #[error("the columns do not fit: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Mapping(Vec<MappingError>),
    /// The options name a practitioner that is not there.
    #[error("there is no practitioner {0:?}")]
    UnknownPractitioner(String),
    /// The options name a service that is not there.
    #[error("there is no service {0:?}")]
    UnknownService(String),
    /// The database failed. Lines of finished parts are in; the next run finds them there.
    #[error(transparent)]
    Database(#[from] DbError),
}

tx_error!(ImportError);
