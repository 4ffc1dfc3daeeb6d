//! Reads the recorded rows, and says of each bad one what is wrong with it.

use std::collections::HashSet;
use std::fmt;
use std::io::Read;

use chrono::NaiveDate;
use kernel::Timestamp;
use serde::Deserialize;

/// The oldest age that is believed, in years.
const OLDEST: u8 = 122;

/// A row as it stands in the file.
#[derive(Debug, Deserialize)]
struct RawRow {
    #[serde(rename = "PatientId")]
    patient: String,
    #[serde(rename = "AppointmentID")]
    appointment: String,
    #[serde(rename = "Gender")]
    gender: String,
    #[serde(rename = "ScheduledDay")]
    scheduled: String,
    #[serde(rename = "AppointmentDay")]
    day: String,
    #[serde(rename = "Age")]
    age: String,
    #[serde(rename = "Neighbourhood")]
    neighbourhood: String,
    #[serde(rename = "Scholarship")]
    scholarship: String,
    #[serde(rename = "Hipertension")]
    hypertension: String,
    #[serde(rename = "Diabetes")]
    diabetes: String,
    #[serde(rename = "Alcoholism")]
    alcoholism: String,
    #[serde(rename = "Handcap")]
    handicaps: String,
    #[serde(rename = "SMS_received")]
    sms: String,
    #[serde(rename = "No-show")]
    no_show: String,
}

/// A person's sex, as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// `F`.
    Female,
    /// `M`.
    Male,
}

/// One appointment, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The person's number in the file.
    pub patient: u64,
    /// The appointment's number in the file.
    pub appointment: u64,
    /// The person's sex.
    pub sex: Sex,
    /// When the appointment was made.
    pub scheduled_at: Timestamp,
    /// The day for which it was made.
    pub day: NaiveDate,
    /// The person's age on that day, in years.
    pub age: u8,
    /// The health unit.
    pub neighbourhood: String,
    /// Whether the family gets Bolsa Família.
    pub scholarship: bool,
    /// Whether the person has high blood pressure.
    pub hypertension: bool,
    /// Whether the person has diabetes.
    pub diabetes: bool,
    /// Whether the person is an alcoholic.
    pub alcoholism: bool,
    /// How many disabilities the person has.
    pub handicaps: u8,
    /// Whether a reminder was sent.
    pub sms: bool,
    /// Whether the person stayed away.
    pub no_show: bool,
}

/// A row that does not go in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its line in the file; the header is line 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.reason)
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Recorded {
    /// The good rows, in the order of the file.
    pub records: Vec<Record>,
    /// The bad ones.
    pub bad: Vec<BadRow>,
}

/// Reads the whole of `input`, plain CSV with a header.
///
/// # Errors
/// When it is no CSV file, or has other columns. A bad row is no error: it stands in [`Recorded::bad`].
pub fn read(input: impl Read) -> Result<Recorded, csv::Error> {
    let mut reader = csv::Reader::from_reader(input);
    let headers = reader.headers()?.clone();
    let mut recorded = Recorded::default();
    let mut seen = HashSet::new();
    let mut row = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut row) {
            Ok(false) => return Ok(recorded),
            Ok(true) => {}
            Err(error) if error.is_io_error() => return Err(error),
            Err(error) => {
                recorded.bad.push(BadRow {
                    line,
                    reason: error.to_string(),
                });
                continue;
            }
        }
        let line = row.position().map_or(line, csv::Position::line);
        // A missing column is a fault of the file, not of its first row.
        let raw: RawRow = row.deserialize(Some(&headers))?;
        match Record::try_from(raw) {
            Ok(record) if seen.insert(record.appointment) => recorded.records.push(record),
            Ok(record) => {
                let reason = format!("AppointmentID {} was there before", record.appointment);
                recorded.bad.push(BadRow { line, reason });
            }
            Err(reason) => recorded.bad.push(BadRow { line, reason }),
        }
    }
}

impl TryFrom<RawRow> for Record {
    type Error = String;

    fn try_from(raw: RawRow) -> Result<Self, String> {
        let record = Self {
            patient: number("PatientId", &raw.patient)?,
            appointment: number("AppointmentID", &raw.appointment)?,
            sex: sex(&raw.gender)?,
            scheduled_at: instant("ScheduledDay", &raw.scheduled)?,
            day: instant("AppointmentDay", &raw.day)?.as_datetime().date_naive(),
            age: age(&raw.age)?,
            neighbourhood: neighbourhood(&raw.neighbourhood)?,
            scholarship: flag("Scholarship", &raw.scholarship)?,
            hypertension: flag("Hipertension", &raw.hypertension)?,
            diabetes: flag("Diabetes", &raw.diabetes)?,
            alcoholism: flag("Alcoholism", &raw.alcoholism)?,
            handicaps: handicaps(&raw.handicaps)?,
            sms: flag("SMS_received", &raw.sms)?,
            no_show: no_show(&raw.no_show)?,
        };
        let scheduled_on = record.scheduled_at.as_datetime().date_naive();
        if scheduled_on > record.day {
            return Err(format!(
                "ScheduledDay {scheduled_on} comes after AppointmentDay {}",
                record.day
            ));
        }
        Ok(record)
    }
}

fn number(column: &str, text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_not_a_number| format!("{column} {text:?} is no whole number"))
}

fn sex(text: &str) -> Result<Sex, String> {
    match text {
        "F" => Ok(Sex::Female),
        "M" => Ok(Sex::Male),
        _ => Err(format!("Gender {text:?} is neither F nor M")),
    }
}

fn instant(column: &str, text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|error| format!("{column} {text:?}: {error}"))
}

fn age(text: &str) -> Result<u8, String> {
    text.parse()
        .ok()
        .filter(|age| *age <= OLDEST)
        .ok_or_else(|| format!("Age {text:?} is not between 0 and {OLDEST} years"))
}

fn neighbourhood(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        Err("Neighbourhood is empty".to_owned())
    } else {
        Ok(trimmed.to_owned())
    }
}

fn flag(column: &str, text: &str) -> Result<bool, String> {
    match text {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(format!("{column} {text:?} is neither 0 nor 1")),
    }
}

fn handicaps(text: &str) -> Result<u8, String> {
    text.parse()
        .ok()
        .filter(|count| *count <= 4)
        .ok_or_else(|| format!("Handcap {text:?} is not between 0 and 4"))
}

fn no_show(text: &str) -> Result<bool, String> {
    match text {
        "No" => Ok(false),
        "Yes" => Ok(true),
        _ => Err(format!("No-show {text:?} is neither No nor Yes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "PatientId,AppointmentID,Gender,ScheduledDay,AppointmentDay,Age,Neighbourhood,Scholarship,\
                          Hipertension,Diabetes,Alcoholism,Handcap,SMS_received,No-show";

    fn recorded(rows: &[&str]) -> Recorded {
        let file = std::iter::once(&HEADER)
            .chain(rows)
            .copied()
            .collect::<Vec<_>>()
            .join("\n");
        read(file.as_bytes()).unwrap()
    }

    #[test]
    fn a_good_row_keeps_all_that_it_says() {
        let recorded =
            recorded(&["29872,5642903,F,2016-04-29T18:38:08Z,2016-05-02T00:00:00Z,62,JARDIM DA PENHA,0,1,0,0,2,1,Yes"]);
        assert_eq!(recorded.bad, []);
        assert_eq!(
            recorded.records,
            [Record {
                patient: 29872,
                appointment: 5_642_903,
                sex: Sex::Female,
                scheduled_at: "2016-04-29T18:38:08Z".parse().unwrap(),
                day: NaiveDate::from_ymd_opt(2016, 5, 2).unwrap(),
                age: 62,
                neighbourhood: "JARDIM DA PENHA".to_owned(),
                scholarship: false,
                hypertension: true,
                diabetes: false,
                alcoholism: false,
                handicaps: 2,
                sms: true,
                no_show: true,
            }]
        );
    }

    #[test]
    fn bad_rows_are_named_and_the_rest_goes_in() {
        let recorded = recorded(&[
            "1,1,F,2016-04-29T18:38:08Z,2016-05-02T00:00:00Z,62,CENTRO,0,0,0,0,0,0,No",
            "1,2,F,2016-04-29T18:38:08Z,2016-05-02T00:00:00Z,-1,CENTRO,0,0,0,0,0,0,No",
            "9377952927E-5,3,F,2016-04-29T18:38:08Z,2016-05-02T00:00:00Z,1,CENTRO,0,0,0,0,0,0,No",
            "1,4,F,2016-05-03T18:38:08Z,2016-05-02T00:00:00Z,1,CENTRO,0,0,0,0,0,0,No",
            "1,1,F,2016-04-29T18:38:08Z,2016-05-02T00:00:00Z,62,CENTRO,0,0,0,0,0,0,No",
            "1,5,X,2016-04-29T18:38:08Z,2016-05-02T00:00:00Z,62,CENTRO,0,0,0,0,0,0,No",
            "1,6,F,soon,2016-05-02T00:00:00Z,62,CENTRO,0,0,0,0,0,0,No",
            "1,7,F",
            "1,8,F,2016-04-29T18:38:08Z,2016-05-02T00:00:00Z,62, ,0,0,0,0,0,0,No",
            "1,9,F,2016-04-29T18:38:08Z,2016-05-02T00:00:00Z,62,CENTRO,2,0,0,0,0,0,No",
            "1,10,F,2016-04-29T18:38:08Z,2016-05-02T00:00:00Z,62,CENTRO,0,0,0,0,9,0,No",
            "1,11,F,2016-04-29T18:38:08Z,2016-05-02T00:00:00Z,62,CENTRO,0,0,0,0,0,0,Maybe",
            "1,12,F,2016-04-29T18:38:08Z,2016-05-02T00:00:00Z,62,CENTRO,0,0,0,0,0,0,No",
        ]);
        assert_eq!(
            recorded
                .records
                .iter()
                .map(|record| record.appointment)
                .collect::<Vec<_>>(),
            [1, 12]
        );
        let reasons: Vec<String> = recorded.bad.iter().map(ToString::to_string).collect();
        assert_eq!(reasons[0], "line 3: Age \"-1\" is not between 0 and 122 years");
        assert_eq!(reasons[1], "line 4: PatientId \"9377952927E-5\" is no whole number");
        assert_eq!(
            reasons[2],
            "line 5: ScheduledDay 2016-05-03 comes after AppointmentDay 2016-05-02"
        );
        assert_eq!(reasons[3], "line 6: AppointmentID 1 was there before");
        assert_eq!(
            recorded.bad.iter().map(|bad| bad.line).collect::<Vec<_>>(),
            (3..=13).collect::<Vec<_>>()
        );
    }

    #[test]
    fn another_file_is_refused() {
        assert!(read("name,phone\nAna,1\n".as_bytes()).is_err());
    }
}
