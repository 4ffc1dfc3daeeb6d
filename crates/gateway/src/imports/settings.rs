//! What is said about an import: which column holds what, and the rules that imports may pass over.

use std::collections::BTreeMap;

use appointments::import::ImportOptions;
use chrono::TimeDelta;
use kernel::FieldErrors;
use rest::Patch;
use serde::{Deserialize, Serialize};
use tabular::{ColumnChoice, Delimiter, Encoding, Mapping, MappingError};
use utoipa::ToSchema;

use super::model::ImportKind;

/// What is said about an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// What columns hold, by heading (or number, the first being 1), where the headings do not tell; null leaves a column out.
    #[schema(example = json!({"Nome do paciente": "name", "Obs": null}))]
    pub(super) columns: BTreeMap<String, Option<String>>,
    /// Appointments: puts rows whose time is taken over what is there, instead of refusing them.
    pub(super) overbook: bool,
    /// Appointments: gives rows with a day and no time of day a free time of a practitioner.
    pub(super) lay_out: bool,
    /// Appointments: whose the rows without a practitioner are: ids, names or registrations.
    pub(super) practitioners: Vec<String>,
    /// Appointments: what the rows without a service are for: an id or a name.
    pub(super) service: Option<String>,
    /// Appointments: how many minutes the rows last that do not say so.
    pub(super) duration_minutes: Option<u16>,
    /// Appointments: only the rows of this unit. The others are passed over and not reported.
    pub(super) unit: Option<String>,
    /// Appointments: refuses rows about people who are not there yet, instead of making them.
    pub(super) known_people_only: bool,
}

/// What is to change about an import; what is not sent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateImport {
    /// `utf-8`, `windows-1252`, `utf-16le` or `utf-16be`.
    #[serde(default)]
    encoding: Option<String>,
    /// `comma`, `semicolon`, `tab` or `pipe`.
    #[serde(default)]
    delimiter: Option<String>,
    /// What columns hold, in the place of what was said before.
    #[serde(default)]
    columns: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    overbook: Option<bool>,
    #[serde(default)]
    lay_out: Option<bool>,
    #[serde(default)]
    practitioners: Option<Vec<String>>,
    #[serde(default)]
    service: Patch<String>,
    #[serde(default)]
    duration_minutes: Patch<u16>,
    #[serde(default)]
    unit: Patch<String>,
    #[serde(default)]
    known_people_only: Option<bool>,
}

/// The most texts of a setting, and the most characters of each.
const MOST_TEXTS: usize = 500;
const MOST_CHARS: usize = 200;

/// What an update changes: how the file is read, where that is said, and the settings.
pub(super) struct Changed {
    pub(super) encoding: Option<Encoding>,
    pub(super) delimiter: Option<Delimiter>,
    pub(super) settings: Settings,
}

impl UpdateImport {
    /// The settings after this update of `before`.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(super) fn applied_to(self, before: Settings) -> Result<Changed, FieldErrors> {
        let mut errors = FieldErrors::new();
        let encoding = self
            .encoding
            .and_then(|name| errors.take("/encoding", "unknown_encoding", name.parse::<Encoding>()));
        let delimiter = self
            .delimiter
            .and_then(|name| errors.take("/delimiter", "unknown_delimiter", name.parse::<Delimiter>()));
        let settings = Settings {
            columns: self.columns.unwrap_or(before.columns),
            overbook: self.overbook.unwrap_or(before.overbook),
            lay_out: self.lay_out.unwrap_or(before.lay_out),
            practitioners: self.practitioners.unwrap_or(before.practitioners),
            service: self.service.into_change().unwrap_or(before.service),
            duration_minutes: self.duration_minutes.into_change().unwrap_or(before.duration_minutes),
            unit: self.unit.into_change().unwrap_or(before.unit),
            known_people_only: self.known_people_only.unwrap_or(before.known_people_only),
        };
        settings.check(&mut errors);
        errors.finish(Some(Changed {
            encoding,
            delimiter,
            settings,
        }))
    }
}

impl Settings {
    fn check(&self, errors: &mut FieldErrors) {
        if self.columns.len() > MOST_TEXTS || self.practitioners.len() > MOST_TEXTS {
            errors.push(
                "",
                "too_many",
                format!("there are at most {MOST_TEXTS} columns or practitioners"),
            );
        }
        let columns = self
            .columns
            .iter()
            .flat_map(|(column, field)| std::iter::once(column).chain(field));
        let named = [
            ("/columns", columns.collect::<Vec<_>>()),
            ("/practitioners", self.practitioners.iter().collect()),
            ("/service", self.service.iter().collect()),
            ("/unit", self.unit.iter().collect()),
        ];
        for (pointer, texts) in named {
            if texts.iter().any(|text| text.chars().count() > MOST_CHARS) {
                errors.push(
                    pointer,
                    "too_long",
                    format!("a text has at most {MOST_CHARS} characters"),
                );
            }
        }
        // An appointment lasts a day at most.
        if self
            .duration_minutes
            .is_some_and(|minutes| !(1..=1440).contains(&minutes))
        {
            errors.push(
                "/duration_minutes",
                "out_of_range",
                "an appointment lasts 1 to 1440 minutes",
            );
        }
    }

    fn choices(&self) -> Vec<ColumnChoice> {
        let choice = |(column, field): (&String, &Option<String>)| ColumnChoice {
            column: column.clone(),
            field: field.clone(),
        };
        self.columns.iter().map(choice).collect()
    }

    /// Which column of a file with `headings` holds what.
    ///
    /// # Errors
    /// Everything that does not fit.
    pub(super) fn mapping(&self, kind: ImportKind, headings: &[String]) -> Result<Mapping, Vec<MappingError>> {
        match kind {
            ImportKind::Contacts => contacts::import::mapping(headings, &self.choices()),
            ImportKind::Appointments => appointments::import::mapping(headings, &self.choices()),
        }
    }

    /// As the import of appointments takes them.
    pub(super) fn for_appointments(&self, dry_run: bool) -> ImportOptions {
        ImportOptions {
            choices: self.choices(),
            dry_run,
            overbook: self.overbook,
            lay_out: self.lay_out,
            practitioners: self.practitioners.clone(),
            service: self.service.clone(),
            duration: self
                .duration_minutes
                .map(|minutes| TimeDelta::minutes(i64::from(minutes))),
            only_unit: self.unit.clone(),
            ..ImportOptions::default()
        }
    }
}

/// What does not fit of the columns, as faults of the request.
pub(super) fn column_faults(errors: &[MappingError]) -> FieldErrors {
    let mut faults = FieldErrors::new();
    for error in errors {
        let code = match error {
            MappingError::UnknownColumn { .. } => "unknown_column",
            MappingError::UnknownField { .. } => "unknown_field",
            MappingError::TwoColumns { .. } => "two_columns",
            MappingError::Missing { .. } => "missing_column",
        };
        faults.push("/columns", code, error);
    }
    faults
}
