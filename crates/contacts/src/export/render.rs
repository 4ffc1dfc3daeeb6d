//! People as bytes: rows of CSV that a spreadsheet shows and does not run, or lines of JSON.

use bytes::Bytes;
use kernel::text_enum;
use tabular::guarded;

use crate::people::address::Address;
use crate::people::{Contact, ContactView};

text_enum! {
    /// What an export looks like.
    pub(crate) enum ExportFormat {
        /// A table (RFC 4180) in UTF-8, with the headings that the import knows.
        Csv = "csv",
        /// One contact as JSON per line, as the API shows it.
        Ndjson = "ndjson",
    }
    error = InvalidExportFormat, code = "unknown_format";
}

impl ExportFormat {
    /// The media type.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    /// What stands before the first contact.
    pub(super) fn heading(self) -> Result<Bytes, RenderError> {
        match self {
            Self::Csv => csv_rows([HEADINGS.map(str::to_owned)]),
            Self::Ndjson => Ok(Bytes::new()),
        }
    }

    /// The contacts, one per row or line.
    pub(super) fn rows(self, contacts: Vec<Contact>) -> Result<Bytes, RenderError> {
        let views = contacts.into_iter().map(ContactView::from);
        match self {
            Self::Csv => {
                let rows = views.map(cells).collect::<Result<Vec<_>, _>>()?;
                csv_rows(rows)
            }
            Self::Ndjson => {
                let mut lines = Vec::new();
                for view in views {
                    serde_json::to_writer(&mut lines, &view)?;
                    lines.push(b'\n');
                }
                Ok(Bytes::from(lines))
            }
        }
    }
}

/// A contact that could not be written; a mistake of ours.
#[derive(Debug, thiserror::Error)]
pub(super) enum RenderError {
    #[error("a contact could not be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("a contact could not be written as CSV")]
    Csv(#[from] csv::Error),
    #[error("a buffer could not be written")]
    Buffer,
}

const HEADINGS: [&str; 31] = [
    "id",
    "name",
    "social_name",
    "kind",
    "status",
    "email",
    "phone",
    "other_phones",
    "birth_date",
    "sex",
    "tax_id",
    "national_health_id",
    "address_street",
    "address_number",
    "address_complement",
    "address_district",
    "address_city",
    "address_state",
    "address_postal_code",
    "address_country",
    "tags",
    "guardian_id",
    "guardian_name",
    "insurer",
    "insurance_card_number",
    "source",
    "consents_granted",
    "consents_refused",
    "custom_fields",
    "created_at",
    "updated_at",
];

/// The cells of one row, in the order of [`HEADINGS`].
fn cells(view: ContactView) -> Result<[String; 31], RenderError> {
    let Address {
        street,
        number,
        complement,
        district,
        city,
        state,
        postal_code,
        country,
    } = view.address.unwrap_or_default();
    let other_phones: Vec<_> = view
        .phones
        .iter()
        .filter(|phone| !phone.primary)
        .map(|phone| phone.number.to_string())
        .collect();
    let answered = |answer: bool| {
        let purposes = view.consents.iter().filter(|consent| consent.granted == Some(answer));
        purposes
            .map(|consent| consent.purpose.to_string())
            .collect::<Vec<_>>()
            .join("; ")
    };
    let (guardian_id, guardian_name) = view
        .guardian
        .as_ref()
        .map_or((None, None), |guardian| (guardian.contact_id, guardian.name.as_ref()));
    let custom_fields = if view.custom_fields.is_empty() {
        String::new()
    } else {
        serde_json::to_string(&view.custom_fields)?
    };
    let tags: Vec<_> = view.tags.iter().map(ToString::to_string).collect();
    Ok([
        view.id.to_string(),
        view.name.to_string(),
        text(view.social_name.as_ref()),
        view.kind.to_string(),
        view.status.to_string(),
        text(view.email.as_ref()),
        text(view.phone.as_ref()),
        other_phones.join("; "),
        text(view.birth_date),
        text(view.sex),
        text(view.tax_id.as_ref()),
        text(view.national_health_id.as_ref()),
        text(street),
        text(number),
        text(complement),
        text(district),
        text(city),
        text(state),
        text(postal_code),
        text(country),
        tags.join("; "),
        text(guardian_id),
        text(guardian_name),
        text(view.insurer.as_ref()),
        text(view.insurance_card_number.as_ref()),
        text(view.source.as_ref()),
        answered(true),
        answered(false),
        custom_fields,
        view.created_at.to_string(),
        view.updated_at.to_string(),
    ])
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn csv_rows(rows: impl IntoIterator<Item = [String; 31]>) -> Result<Bytes, RenderError> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.map(|cell| guarded(&cell)))?;
    }
    writer.into_inner().map(Bytes::from).or(Err(RenderError::Buffer))
}

#[cfg(test)]
mod tests {
    use tabular::{Mapping, ReadOptions, Table};

    use super::*;
    use crate::import::{FIELDS, OPEN_PREFIX};

    #[test]
    fn what_goes_out_can_come_in_again() {
        let heading = ExportFormat::Csv.heading().unwrap();
        let table = Table::read(&heading, ReadOptions::default()).unwrap();
        let mapping = Mapping::new(&table.headings, FIELDS, Some(OPEN_PREFIX), &[]).unwrap();
        let ignored: Vec<_> = mapping.ignored().collect();
        assert_eq!(
            ignored,
            [
                "id",
                "guardian_id",
                "consents_granted",
                "consents_refused",
                "created_at",
                "updated_at"
            ]
        );
    }

    #[test]
    fn formulas_are_shown_and_not_run() {
        let row = std::array::from_fn(|index| {
            if index == 1 {
                "=cmd|'/c calc'!A1".to_owned()
            } else {
                String::new()
            }
        });
        let line = csv_rows([row]).unwrap();
        assert!(std::str::from_utf8(&line).unwrap().starts_with(",'=cmd|"));
    }
}
