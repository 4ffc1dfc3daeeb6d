//! One line of the file, read: what its cells say, or everything that is wrong with them. Pure.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use kernel::documents::Cpf;
use kernel::fold::fold;
use kernel::phone::PhoneNumber;
use kernel::text::PersonName;
use kernel::{FieldErrors, Timestamp};
use tabular::{Field, Mapping, Record, parse_date};

use super::cells::{parse_age, parse_time, parse_when, status_named};
use super::person::Person;
use crate::booking::{AppointmentStatus, Notes};

/// The longest text that is kept of a cell which is looked up.
const LONGEST_KEY: usize = 200;

const fn field(name: &'static str, headings: &'static [&'static str], required: bool) -> Field {
    Field {
        name,
        headings,
        required,
    }
}

/// What a column may hold.
pub const FIELDS: &[Field] = &[
    field(
        "external_id",
        &["appointment id", "id do agendamento", "código do agendamento"],
        false,
    ),
    field(
        "contact_external_id",
        &["patient id", "id do paciente", "prontuário", "código do paciente"],
        false,
    ),
    field("contact_cpf", &["cpf", "cpf do paciente"], false),
    field(
        "contact_phone",
        &["telefone", "celular", "phone", "telefone do paciente"],
        false,
    ),
    field(
        "contact_name",
        &["paciente", "nome", "nome do paciente", "patient", "name"],
        false,
    ),
    field(
        "contact_birth_date",
        &["data de nascimento", "nascimento", "birth date"],
        false,
    ),
    field("contact_age", &["idade", "age"], false),
    field("contact_sex", &["sexo", "gênero", "gender", "sex"], false),
    field(
        "practitioner",
        &["profissional", "médico", "doutor", "crm", "doctor"],
        false,
    ),
    field("service", &["serviço", "procedimento", "tipo de consulta"], false),
    field(
        "starts_at",
        &[
            "início",
            "data",
            "data e hora",
            "data da consulta",
            "appointment day",
            "start",
        ],
        true,
    ),
    field("time", &["hora", "horário", "hora de início"], false),
    field("ends_at", &["fim", "término", "hora de término", "end"], false),
    field(
        "duration_minutes",
        &["duração", "duração em minutos", "duration"],
        false,
    ),
    field("status", &["situação"], false),
    field("no_show", &["faltou", "falta", "no-show"], false),
    field("notes", &["observações", "observação", "obs"], false),
    field("unit", &["unidade", "local", "bairro", "neighbourhood"], false),
];

/// When a line says that the appointment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// At an instant.
    At(Timestamp),
    /// When the clinic's wall clock shows this.
    Local(NaiveDateTime),
    /// Some time on this day.
    Day(NaiveDate),
}

/// How long a line says that the appointment lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// For so long.
    For(TimeDelta),
    /// Until an instant.
    UntilAt(Timestamp),
    /// Until the clinic's wall clock shows this.
    UntilLocal(NaiveDateTime),
    /// Until the clinic's wall clock shows this time for the first time.
    UntilTime(NaiveTime),
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) external_id: Option<String>,
    pub(super) person: Person,
    pub(super) practitioner: Option<String>,
    pub(super) service: Option<String>,
    pub(super) when: When,
    pub(super) length: Option<Length>,
    pub(super) status: Option<AppointmentStatus>,
    pub(super) notes: Option<Notes>,
}

impl Draft {
    /// What `record` says. With `lay_out`, midnight is no time of day: the file has days only.
    ///
    /// # Errors
    /// Everything that is wrong, the fields as pointers.
    pub(super) fn read(mapping: &Mapping, record: &Record, lay_out: bool) -> Result<Self, FieldErrors> {
        let mut cells = Cells {
            mapping,
            record,
            errors: FieldErrors::new(),
        };
        let person = cells.person();
        let when = cells.when(lay_out);
        let draft = when.map(|when| Self {
            external_id: cells.key("external_id"),
            person,
            practitioner: cells.key("practitioner"),
            service: cells.key("service"),
            when,
            length: cells.length(),
            status: cells.status(),
            notes: cells.parsed("notes", |text| {
                Notes::parse(text).map_err(|error| (error.code(), error.to_string()))
            }),
        });
        cells.errors.finish(draft)
    }
}

/// The cells of a line, and what was found wrong in them.
struct Cells<'r> {
    mapping: &'r Mapping,
    record: &'r Record,
    errors: FieldErrors,
}

impl<'r> Cells<'r> {
    fn text(&self, field: &str) -> Option<&'r str> {
        self.mapping.get(self.record, field)
    }

    fn fault(&mut self, field: &str, code: &str, message: &str) {
        let message = match self.mapping.heading(field) {
            Some(heading) => format!("column {heading:?}: {message}"),
            None => message.to_owned(),
        };
        self.errors.push(field, code, message);
    }

    /// What `parse` makes of the field's cell, when it has something in it.
    fn parsed<T>(&mut self, field: &str, parse: impl FnOnce(&str) -> Result<T, (&'static str, String)>) -> Option<T> {
        match parse(self.text(field)?) {
            Ok(value) => Some(value),
            Err((code, message)) => {
                self.fault(field, code, &message);
                None
            }
        }
    }

    /// A cell that names something.
    fn key(&mut self, field: &str) -> Option<String> {
        self.parsed(field, |text| {
            kernel::text::bounded(text, 1, LONGEST_KEY).map_err(|error| (error.code(), error.to_string()))
        })
    }

    fn person(&mut self) -> Person {
        let person = Person {
            external_id: self.key("contact_external_id"),
            cpf: self.parsed("contact_cpf", |text| {
                Cpf::parse(text).map_err(|error| (error.code(), error.to_string()))
            }),
            phone: self.parsed("contact_phone", |text| {
                PhoneNumber::parse_international(text).map_err(|error| (error.code(), error.to_string()))
            }),
            name: self.parsed("contact_name", |text| {
                PersonName::parse(text).map_err(|error| (error.code(), error.to_string()))
            }),
            birth_date: self.parsed("contact_birth_date", |text| {
                parse_date(text).map_err(|error| (error.code(), error.to_string()))
            }),
            age: self.parsed("contact_age", parse_age),
            sex: self.key("contact_sex"),
        };
        if self.errors.is_empty() && !person.can_be_found() {
            let message = "the line does not say whom it is about: an id, a CPF, a phone, or name and date of birth";
            self.fault("contact", "missing_contact", message);
        }
        person
    }

    fn when(&mut self, lay_out: bool) -> Option<When> {
        let Some(text) = self.text("starts_at") else {
            self.fault("starts_at", "missing", "the line does not say when");
            return None;
        };
        let Some(when) = parse_when(text, lay_out) else {
            self.fault(
                "starts_at",
                "invalid_time",
                "a time is written as 31/12/2026 14:30 or 2026-12-31T14:30:00-03:00",
            );
            return None;
        };
        match (when, self.parsed("time", parse_time)) {
            (When::Day(day), Some(time)) => Some(When::Local(day.and_time(time))),
            (When::Day(_), None) if !lay_out => {
                self.fault(
                    "starts_at",
                    "missing_time",
                    "there is a day and no time of day; it can be laid out",
                );
                None
            }
            (when, _) => Some(when),
        }
    }

    fn length(&mut self) -> Option<Length> {
        let minutes = self.parsed("duration_minutes", |text| {
            let minutes = text.parse::<i64>().ok().filter(|minutes| (1..=1440).contains(minutes));
            let minutes = minutes.ok_or(("out_of_range", "a duration is 1 to 1440 minutes".to_owned()))?;
            Ok(Length::For(TimeDelta::minutes(minutes)))
        });
        let until = self.parsed("ends_at", |text| {
            if let Ok(time) = parse_time(text) {
                return Ok(Length::UntilTime(time));
            }
            match parse_when(text, false) {
                Some(When::At(instant)) => Ok(Length::UntilAt(instant)),
                Some(When::Local(local)) => Ok(Length::UntilLocal(local)),
                Some(When::Day(_)) | None => Err((
                    "invalid_time",
                    "an end is written as 15:00 or 31/12/2026 15:00".to_owned(),
                )),
            }
        });
        until.or(minutes)
    }

    fn status(&mut self) -> Option<AppointmentStatus> {
        let told = self.parsed("status", |text| {
            status_named(text).ok_or(("unknown_status", "no such status is known".to_owned()))
        });
        let came = self.parsed("no_show", |text| match fold(text).as_str() {
            "yes" | "y" | "sim" | "s" | "1" | "true" => Ok(AppointmentStatus::NoShow),
            "no" | "n" | "nao" | "0" | "false" => Ok(AppointmentStatus::Completed),
            _ => Err(("unknown_answer", "yes or no is expected".to_owned())),
        });
        told.or(came)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line `cells` under `headings`.
    fn read(headings: &[&str], cells: &[&str], lay_out: bool) -> Result<Draft, Vec<(String, String)>> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mapping = Mapping::new(&texts(headings), FIELDS, None, &[]).unwrap();
        let record = Record {
            line: 2,
            fields: texts(cells),
        };
        Draft::read(&mapping, &record, lay_out).map_err(|errors| {
            errors
                .into_vec()
                .into_iter()
                .map(|error| (error.pointer, error.code))
                .collect()
        })
    }

    const PUBLIC_FILE: [&str; 14] = [
        "PatientId",
        "AppointmentID",
        "Gender",
        "ScheduledDay",
        "AppointmentDay",
        "Age",
        "Neighbourhood",
        "Scholarship",
        "Hipertension",
        "Diabetes",
        "Alcoholism",
        "Handcap",
        "SMS_received",
        "No-show",
    ];

    fn public_line(age: &'static str, no_show: &'static str) -> [&'static str; 14] {
        [
            "29872499824296",
            "5642903",
            "F",
            "2016-04-29T18:38:08Z",
            "2016-04-29T00:00:00Z",
            age,
            "JARDIM DA PENHA",
            "0",
            "1",
            "0",
            "0",
            "0",
            "0",
            no_show,
        ]
    }

    #[test]
    fn a_public_file_with_days_only_is_understood() {
        let draft = read(&PUBLIC_FILE, &public_line("62", "Yes"), true).unwrap();
        assert_eq!(draft.person.external_id.as_deref(), Some("29872499824296"));
        assert_eq!((draft.person.age, draft.person.sex.as_deref()), (Some(62), Some("F")));
        assert_eq!(draft.when, When::Day("2016-04-29".parse().unwrap()));
        assert_eq!(draft.status, Some(AppointmentStatus::NoShow));
        assert_eq!(draft.external_id.as_deref(), Some("5642903"));
        assert_eq!(
            read(&PUBLIC_FILE, &public_line("0", "No"), true).unwrap().status,
            Some(AppointmentStatus::Completed)
        );
    }

    #[test]
    fn an_impossible_age_rejects_its_line() {
        let age = |code: &str| Err(vec![("contact_age".to_owned(), code.to_owned())]);
        assert_eq!(read(&PUBLIC_FILE, &public_line("-1", "No"), true), age("out_of_range"));
        assert_eq!(read(&PUBLIC_FILE, &public_line("131", "No"), true), age("out_of_range"));
    }

    #[test]
    fn a_line_as_a_brazilian_clinic_writes_it_is_understood() {
        let headings = [
            "Paciente",
            "Data de nascimento",
            "Profissional",
            "Data",
            "Horário",
            "Término",
            "Situação",
            "Observações",
        ];
        let cells = [
            "João da Silva",
            "05/03/1980",
            "Dra. Lima",
            "23/11/2026",
            "14h30",
            "15:00",
            "Não compareceu",
            "ligar",
        ];
        let draft = read(&headings, &cells, false).unwrap();
        assert_eq!(draft.when, When::Local("2026-11-23T14:30:00".parse().unwrap()));
        assert_eq!(draft.length, Some(Length::UntilTime("15:00:00".parse().unwrap())));
        assert_eq!(draft.status, Some(AppointmentStatus::NoShow));
        assert_eq!(draft.person.birth_date, Some("1980-03-05".parse().unwrap()));
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let headings = ["cpf", "data", "duração", "situação"];
        let expected = [("contact_cpf", "invalid_check_digits"), ("starts_at", "missing_time")];
        let faults = read(&headings, &["52998224724", "23/11/2026", "0", "?"], false).unwrap_err();
        assert_eq!(
            faults,
            expected.map(|(field, code)| (field.to_owned(), code.to_owned()))
        );
        let faults = read(&headings, &["52998224725", "23/11/2026 14:00", "0", "?"], false).unwrap_err();
        assert_eq!(
            faults,
            [("duration_minutes", "out_of_range"), ("status", "unknown_status")]
                .map(|(field, code)| (field.to_owned(), code.to_owned()))
        );
        let faults = read(&headings, &["", "23/11/0026 14:00", "", ""], false).unwrap_err();
        assert_eq!(
            faults,
            [("contact", "missing_contact"), ("starts_at", "invalid_time")]
                .map(|(field, code)| (field.to_owned(), code.to_owned()))
        );
    }
}
