//! Which column holds which field: found by the headings, or told.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::records::Record;

/// A field that a column may hold.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name, which is always one of its headings.
    pub name: &'static str,
    /// Other headings it goes by; case, accents and punctuation do not matter.
    pub headings: &'static [&'static str],
    /// Whether a file without it is of no use.
    pub required: bool,
}

/// One `column=field` of a user: the column by its heading, or by its number, the first being 1; `column=` leaves it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnChoice {
    /// The column's heading or number.
    pub column: String,
    /// The field that it holds; `None` when it is to be left out.
    pub field: Option<String>,
}

/// Text that is no `column=field`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mapping is written as column=field, such as \"Nome do paciente=name\"")]
pub struct InvalidColumnChoice;

impl FromStr for ColumnChoice {
    type Err = InvalidColumnChoice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A heading may have = in it, the name of a field never does.
        let (column, field) = text.rsplit_once('=').ok_or(InvalidColumnChoice)?;
        let (column, field) = (column.trim(), field.trim());
        if column.is_empty() {
            return Err(InvalidColumnChoice);
        }
        Ok(Self {
            column: column.to_owned(),
            field: (!field.is_empty()).then(|| field.to_owned()),
        })
    }
}

/// What is wrong with a heading or with the choices of the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A choice names a column that the file does not have.
    #[error("there is no column {column:?}; the file has {found}")]
    UnknownColumn {
        /// The column.
        column: String,
        /// The headings there are.
        found: String,
    },
    /// A choice names a field that does not exist.
    #[error("there is no field {field:?}; known are {known}")]
    UnknownField {
        /// The field.
        field: String,
        /// The fields there are.
        known: String,
    },
    /// Two columns hold one field.
    #[error(
        "both column {first:?} and column {second:?} would be {field}; choose one, such as \"{second}=\" to leave it out"
    )]
    TwoColumns {
        /// The field.
        field: String,
        /// The column that comes first.
        first: String,
        /// The other one.
        second: String,
    },
    /// No column holds a field without which the file is of no use.
    #[error("no column holds {field}; say which does, such as \"Nome do paciente={field}\"; the file has {found}")]
    Missing {
        /// The field.
        field: &'static str,
        /// The headings there are.
        found: String,
    },
}

/// Which column holds which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    columns: BTreeMap<String, usize>,
    headings: Vec<String>,
}

impl Mapping {
    /// The mapping of a file with `headings`: what `choices` say, else what the headings mean. A field named
    /// `open_prefix` + anything may be chosen too where `open_prefix` is given, such as `custom_fields.`.
    ///
    /// # Errors
    /// Everything that does not fit.
    pub fn new(
        headings: &[String],
        fields: &[Field],
        open_prefix: Option<&str>,
        choices: &[ColumnChoice],
    ) -> Result<Self, Vec<MappingError>> {
        let mut errors = Vec::new();
        let (by_choice, chosen) = chosen_fields(headings, fields, open_prefix, choices, &mut errors);
        let mut columns = BTreeMap::new();
        let mut put = |field: String, column: usize, errors: &mut Vec<MappingError>| match columns.get(&field) {
            None => {
                columns.insert(field, column);
            }
            Some(&other) => errors.push(MappingError::TwoColumns {
                field,
                first: heading_at(headings, other),
                second: heading_at(headings, column),
            }),
        };
        for (column, field) in by_choice {
            put(field, column, &mut errors);
        }
        for (column, heading) in headings
            .iter()
            .enumerate()
            .filter(|(column, _)| !chosen.contains(column))
        {
            if let Some(field) = field_of(heading, fields) {
                put(field.name.to_owned(), column, &mut errors);
            }
        }
        for field in fields
            .iter()
            .filter(|field| field.required && !columns.contains_key(field.name))
        {
            errors.push(MappingError::Missing {
                field: field.name,
                found: listed(headings.iter().map(String::as_str)),
            });
        }
        if errors.is_empty() {
            Ok(Self {
                columns,
                headings: headings.to_vec(),
            })
        } else {
            Err(errors)
        }
    }

    /// What `record` has for `field`, trimmed and without the guard of a formula; `None` when the field has no column or its
    /// cell is blank.
    #[must_use]
    pub fn get<'r>(&self, record: &'r Record, field: &str) -> Option<&'r str> {
        let cell = record.fields.get(*self.columns.get(field)?)?.trim();
        let cell = crate::cell::unguarded(cell);
        (!cell.is_empty()).then_some(cell)
    }

    /// The heading over `field`, for messages that the owner of the file understands.
    #[must_use]
    pub fn heading(&self, field: &str) -> Option<&str> {
        self.headings.get(*self.columns.get(field)?).map(String::as_str)
    }

    /// The fields that have a column, and its heading.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns
            .iter()
            .filter_map(|(field, column)| Some((field.as_str(), self.headings.get(*column)?.as_str())))
    }

    /// The headings of columns that hold no field.
    pub fn ignored(&self) -> impl Iterator<Item = &str> {
        self.headings
            .iter()
            .enumerate()
            .filter(|(column, _)| !self.columns.values().any(|used| used == column))
            .map(|(_, heading)| heading.as_str())
    }
}

/// What the choices say, by column, and every column they speak of.
fn chosen_fields(
    headings: &[String],
    fields: &[Field],
    open_prefix: Option<&str>,
    choices: &[ColumnChoice],
    errors: &mut Vec<MappingError>,
) -> (Vec<(usize, String)>, Vec<usize>) {
    let mut by_choice = Vec::new();
    let mut chosen = Vec::new();
    for ColumnChoice { column, field } in choices {
        let Some(index) = column_named(headings, column) else {
            errors.push(MappingError::UnknownColumn {
                column: column.clone(),
                found: listed(headings.iter().map(String::as_str)),
            });
            continue;
        };
        chosen.push(index);
        let Some(name) = field else { continue };
        let is_open = open_prefix
            .and_then(|prefix| name.strip_prefix(prefix))
            .is_some_and(|rest| !rest.is_empty());
        if is_open || fields.iter().any(|field| field.name == name) {
            by_choice.push((index, name.clone()));
        } else {
            let known = listed(fields.iter().map(|field| field.name));
            errors.push(MappingError::UnknownField {
                field: name.clone(),
                known,
            });
        }
    }
    (by_choice, chosen)
}

/// The column that a user means: by heading, else by number.
fn column_named(headings: &[String], column: &str) -> Option<usize> {
    headings
        .iter()
        .position(|heading| heading.trim() == column)
        .or_else(|| headings.iter().position(|heading| normal(heading) == normal(column)))
        .or_else(|| {
            column
                .parse::<usize>()
                .ok()?
                .checked_sub(1)
                .filter(|index| *index < headings.len())
        })
}

fn field_of<'f>(heading: &str, fields: &'f [Field]) -> Option<&'f Field> {
    let heading = normal(heading);
    fields
        .iter()
        .find(|field| normal(field.name) == heading || field.headings.iter().any(|known| normal(known) == heading))
}

/// A heading with nothing but its letters and digits, folded: `Nº do Cartão SUS` becomes `nodocartaosus`.
fn normal(heading: &str) -> String {
    kernel::fold::fold(heading)
        .chars()
        .filter(|character| character.is_alphanumeric())
        .collect()
}

fn heading_at(headings: &[String], column: usize) -> String {
    headings.get(column).cloned().unwrap_or_default()
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field {
            name: "name",
            headings: &["nome", "nome completo"],
            required: true,
        },
        Field {
            name: "national_health_id",
            headings: &["cns", "nº do cartão sus"],
            required: false,
        },
    ];

    fn headings(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn choices(texts: &[&str]) -> Vec<ColumnChoice> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn headings_are_known_in_any_spelling() {
        let mapping = Mapping::new(
            &headings(&["NOME_COMPLETO", " N.º do cartao SUS", "Obs"]),
            FIELDS,
            None,
            &[],
        )
        .unwrap();
        assert_eq!(mapping.heading("name"), Some("NOME_COMPLETO"));
        assert_eq!(mapping.heading("national_health_id"), Some(" N.º do cartao SUS"));
        assert_eq!(mapping.ignored().collect::<Vec<_>>(), ["Obs"]);
        let record = Record {
            line: 2,
            fields: headings(&[" Ana ", "", "'=x"]),
        };
        assert_eq!(mapping.get(&record, "name"), Some("Ana"));
        assert_eq!(mapping.get(&record, "national_health_id"), None);
    }

    #[test]
    fn a_choice_goes_before_a_heading() {
        let file = headings(&["Paciente", "Nome", "Bairro"]);
        let mapping = Mapping::new(
            &file,
            FIELDS,
            Some("custom_fields."),
            &choices(&["paciente=name", "2=", "Bairro=custom_fields.bairro"]),
        )
        .unwrap();
        assert_eq!(mapping.heading("name"), Some("Paciente"));
        assert_eq!(mapping.heading("custom_fields.bairro"), Some("Bairro"));
        assert_eq!(mapping.ignored().collect::<Vec<_>>(), ["Nome"]);
    }

    #[test]
    fn what_does_not_fit_is_told_together() {
        let errors = Mapping::new(&headings(&["a", "b"]), FIELDS, None, &choices(&["c=name", "a=nmae"])).unwrap_err();
        assert!(matches!(
            errors.as_slice(),
            [
                MappingError::UnknownColumn { .. },
                MappingError::UnknownField { .. },
                MappingError::Missing { .. }
            ]
        ));
        let errors = Mapping::new(&headings(&["nome", "name"]), FIELDS, None, &[]).unwrap_err();
        assert!(matches!(errors.as_slice(), [MappingError::TwoColumns { .. }]));
        assert_eq!("=name".parse::<ColumnChoice>(), Err(InvalidColumnChoice));
        assert_eq!("name".parse::<ColumnChoice>(), Err(InvalidColumnChoice));
    }
}
