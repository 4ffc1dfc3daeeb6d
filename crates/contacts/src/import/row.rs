//! From a row to a person: cells as people fill them in, made into what the API takes, and then checked by the same rules.

use kernel::phone::PhoneNumber;
use kernel::{FieldErrors, Timestamp};
use serde_json::{Map, Value};
use tabular::{Mapping, Record, parse_date};

use super::fields::OPEN_PREFIX;
use crate::people::address::Address;
use crate::people::dto::GuardianInput;
use crate::people::phones::PhoneInput;
use crate::people::{ContactStatus, CreateContact, NewContact, Sex};

/// Who lives is not older.
const OLDEST_YEARS: i64 = 130;

/// The person that `record` describes, as seen at `now`.
///
/// # Errors
/// Everything that is wrong, with the column's heading in each message.
pub(super) fn person(mapping: &Mapping, record: &Record, now: Timestamp) -> Result<NewContact, FieldErrors> {
    let mut errors = FieldErrors::new();
    let cell = |field: &str| mapping.get(record, field).map(str::to_owned);
    let body = CreateContact {
        id: None,
        name: cell("name").unwrap_or_default(),
        social_name: cell("social_name"),
        kind: cell("kind").map(|text| kind(&text)),
        status: cell("status").map(|text| status(&text)),
        email: cell("email"),
        phone: None,
        phones: phones(mapping, record, &mut errors),
        birth_date: cell("birth_date").and_then(|text| birth_date(&text, &mut errors)),
        sex: cell("sex").map(|text| sex(&text)),
        tax_id: cell("tax_id").map(|text| with_lost_zeros(&text)),
        national_health_id: cell("national_health_id"),
        address: address(mapping, record),
        tags: cell("tags").map(|text| listed(&text)),
        custom_fields: custom_fields(mapping, record, &mut errors),
        guardian: cell("guardian_name").map(|name| GuardianInput {
            contact_id: None,
            name: Some(name),
        }),
        insurer: cell("insurer"),
        insurance_card_number: cell("insurance_card_number"),
        source: cell("source"),
        consents: None,
    };
    let person = match body.checked(now) {
        Ok(person) => Some(person),
        Err(faults) => {
            errors.nest("", faults);
            None
        }
    };
    errors.finish(person).map_err(|faults| with_headings(mapping, &faults))
}

/// The faults, each message with the heading of its column before it.
fn with_headings(mapping: &Mapping, faults: &FieldErrors) -> FieldErrors {
    let mut told = FieldErrors::new();
    for fault in faults.iter() {
        let mut parts = fault.pointer.split('/').filter(|part| !part.is_empty());
        let first = parts.next().unwrap_or_default();
        let field = match first {
            "address" => parts.next().unwrap_or_default().to_owned(),
            "guardian" => "guardian_name".to_owned(),
            "custom_fields" => parts
                .next()
                .map_or(first.to_owned(), |name| format!("{OPEN_PREFIX}{name}")),
            other => other.to_owned(),
        };
        match mapping.heading(&field) {
            Some(heading) => told.push(&fault.pointer, &fault.code, format!("{heading}: {}", fault.message)),
            None => told.push(&fault.pointer, &fault.code, &fault.message),
        }
    }
    told
}

/// The numbers in the phone columns, each once. A cell may hold several.
fn phones(mapping: &Mapping, record: &Record, errors: &mut FieldErrors) -> Option<Vec<PhoneInput>> {
    let mut numbers: Vec<PhoneNumber> = Vec::new();
    for field in ["phone", "phone_2", "phone_3"] {
        let Some(cell) = mapping.get(record, field) else {
            continue;
        };
        match numbers_in(cell) {
            Ok(found) => {
                for number in found {
                    if !numbers.iter().any(|known| known.match_key() == number.match_key()) {
                        numbers.push(number);
                    }
                }
            }
            Err(error) => errors.push(format!("/{field}"), error.code(), error),
        }
    }
    let input = |number: PhoneNumber| PhoneInput {
        number: number.to_string(),
        kind: None,
        primary: None,
    };
    (!numbers.is_empty()).then(|| numbers.into_iter().map(input).collect())
}

/// The cell as one number; where it is none, as several that stand next to each other.
fn numbers_in(cell: &str) -> Result<Vec<PhoneNumber>, kernel::phone::InvalidPhoneNumber> {
    PhoneNumber::parse_international(cell)
        .map(|number| vec![number])
        .or_else(|_several| {
            cell.split([';', ',', '/', '|', '\n'])
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(PhoneNumber::parse_international)
                .collect()
        })
}

fn birth_date(text: &str, errors: &mut FieldErrors) -> Option<String> {
    errors
        .take("/birth_date", "invalid_date", parse_date(text))
        .map(|date| date.to_string())
}

/// The words of a front desk for what the API has its own words for; others are left to be refused by name.
fn kind(text: &str) -> String {
    match kernel::fold::fold(text).as_str() {
        "paciente" | "patient" | "p" => "patient".to_owned(),
        "lead" | "interessado" | "interessada" | "prospecto" => "lead".to_owned(),
        other => other.to_owned(),
    }
}

fn status(text: &str) -> String {
    match kernel::fold::fold(text).as_str() {
        "ativo" | "ativa" | "sim" => ContactStatus::Active.as_str().to_owned(),
        "inativo" | "inativa" | "nao" => ContactStatus::Inactive.as_str().to_owned(),
        other => other.to_owned(),
    }
}

fn sex(text: &str) -> String {
    let sex = match kernel::fold::fold(text).as_str() {
        "f" | "fem" | "feminino" | "mulher" | "female" => Sex::Female,
        "m" | "masc" | "masculino" | "homem" | "male" => Sex::Male,
        "i" | "intersexo" | "intersex" => Sex::Intersex,
        "ignorado" | "nao informado" | "desconhecido" | "n/i" | "unknown" => Sex::Unknown,
        other => return other.to_owned(),
    };
    sex.as_str().to_owned()
}

/// A CPF that a spreadsheet took for a number has lost its leading zeros; its check digits tell whether they were there.
fn with_lost_zeros(text: &str) -> String {
    let is_short_number = (8..11).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_short_number {
        format!("{text:0>11}")
    } else {
        text.to_owned()
    }
}

fn listed(text: &str) -> Vec<String> {
    text.split([';', ',', '|'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn address(mapping: &Mapping, record: &Record) -> Option<Address> {
    let cell = |field: &str| mapping.get(record, field).map(str::to_owned);
    let address = Address {
        street: cell("street"),
        number: cell("number"),
        complement: cell("complement"),
        district: cell("district"),
        city: cell("city"),
        state: cell("state"),
        postal_code: cell("postal_code"),
        country: cell("country"),
    };
    (address != Address::default()).then_some(address)
}

/// The clinic's own fields: a column of JSON, columns mapped one by one, and an age, which is no date of birth.
fn custom_fields(mapping: &Mapping, record: &Record, errors: &mut FieldErrors) -> Option<Map<String, Value>> {
    let mut fields = Map::new();
    if let Some(json) = mapping.get(record, "custom_fields") {
        match serde_json::from_str(json) {
            Ok(Value::Object(object)) => fields = object,
            Ok(_) | Err(_) => errors.push("/custom_fields", "invalid_json", "must be a JSON object"),
        }
    }
    for (field, _) in mapping.columns() {
        let name = field.strip_prefix(OPEN_PREFIX);
        if let Some((name, cell)) = name.zip(mapping.get(record, field)) {
            fields.insert(name.to_owned(), Value::from(cell));
        }
    }
    if let Some(age) = mapping.get(record, "age") {
        match age.parse::<i64>() {
            Ok(years) if (0..=OLDEST_YEARS).contains(&years) => {
                fields.insert("age".to_owned(), Value::from(years));
            }
            Ok(_) => errors.push(
                "/age",
                "out_of_range",
                format!("an age is between 0 and {OLDEST_YEARS} years"),
            ),
            Err(_) => errors.push("/age", "invalid_number", "an age is a whole number of years"),
        }
    }
    (!fields.is_empty()).then_some(fields)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fields::FIELDS;
    use super::*;

    fn read(headings: &[&str], cells: &[&str]) -> Result<NewContact, Vec<String>> {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let mapping = Mapping::new(
            &owned(headings),
            FIELDS,
            Some(OPEN_PREFIX),
            &["Prontuário=custom_fields.record_number".parse().unwrap()]
                [..usize::from(headings.contains(&"Prontuário"))],
        )
        .unwrap();
        let record = Record {
            line: 2,
            fields: owned(cells),
        };
        person(&mapping, &record, "2026-11-20T12:00:00Z".parse().unwrap()).map_err(|errors| {
            errors
                .iter()
                .map(|error| format!("{} {}: {}", error.pointer, error.code, error.message))
                .collect()
        })
    }

    #[test]
    fn a_front_desks_spreadsheet_is_understood() {
        let person = read(
            &[
                "Nome",
                "CPF",
                "Telefone",
                "Nascimento",
                "Sexo",
                "Bairro",
                "Idade",
                "Prontuário",
                "Tipo",
            ],
            &[
                "João da Silva",
                "1144477735",
                "(11) 8765-4321 / 11 3333-4444",
                "31/12/1990",
                "F",
                "Centro",
                "35",
                "A-17",
                "Paciente",
            ],
        );
        // 01144477735 has wrong check digits, so the zero was not lost there.
        assert!(
            person
                .unwrap_err()
                .first()
                .is_some_and(|fault| fault.starts_with("/tax_id invalid_check_digits: CPF: "))
        );

        let cpf = kernel::documents::Cpf::complete("001444777").unwrap();
        let person = read(
            &[
                "Nome",
                "CPF",
                "Telefone",
                "Nascimento",
                "Sexo",
                "Bairro",
                "Idade",
                "Prontuário",
                "Tipo",
            ],
            &[
                "João da Silva",
                cpf.as_str().trim_start_matches('0'),
                "(11) 8765-4321 / 11 3333-4444",
                "31/12/1990",
                "F",
                "Centro",
                "35",
                "A-17",
                "Paciente",
            ],
        )
        .unwrap();
        assert_eq!(person.cpf, Some(cpf));
        let numbers: Vec<_> = person.phones.iter().map(|phone| phone.number.to_string()).collect();
        assert_eq!(numbers, ["+5511987654321", "+551133334444"]);
        assert_eq!(
            person.birth_date.map(|date| date.to_string()).as_deref(),
            Some("1990-12-31")
        );
        assert_eq!(person.sex, Some(Sex::Female));
        assert_eq!(
            person.address.and_then(|address| address.district).as_deref(),
            Some("Centro")
        );
        assert_eq!(
            serde_json::to_value(&person.custom_fields).unwrap(),
            serde_json::json!({"age": 35, "record_number": "A-17"})
        );
    }

    #[test]
    fn every_wrong_cell_is_told_with_its_column() {
        let faults = read(
            &["Nome", "Telefone", "Nascimento", "Idade", "Sexo"],
            &["", "não tem", "31/02/1990", "-1", "talvez"],
        )
        .unwrap_err();
        let starts = [
            "/phone invalid_characters: Telefone: ",
            "/birth_date invalid_date: Nascimento: ",
            "/age out_of_range: Idade: ",
            "/name blank: Nome: ",
            "/sex unknown_sex: Sexo: ",
        ];
        assert_eq!(faults.len(), starts.len());
        for start in starts {
            assert!(
                faults.iter().any(|fault| fault.starts_with(start)),
                "{start} in {faults:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_cell_makes_it_panic(cells in prop::collection::vec("\\PC{0,20}", FIELDS.len())) {
            let headings: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            let _ = read(&headings, &cells);
        }
    }
}
