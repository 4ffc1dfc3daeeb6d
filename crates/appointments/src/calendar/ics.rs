//! An agenda as iCalendar text (RFC 5545, with RFC 7986 for the calendar's name and refresh interval). Pure.
//!
//! Times are written in UTC, which needs no VTIMEZONE and means the same everywhere. Text is escaped by the
//! `icalendar` crate. Nothing in the text depends on when it is written, so an agenda that did not change has the same
//! bytes, and the same entity tag.

use chrono::TimeDelta;
use icalendar::{Calendar, Component, Event, EventLike, EventStatus, Property};
use kernel::{AppointmentId, TimeSlot, Timestamp, Zone};

/// How often calendar programs are asked to look for changes.
const REFRESH: TimeDelta = TimeDelta::minutes(15);

/// The language of the few words that a feed has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Brazilian Portuguese.
    Portuguese,
    /// English.
    English,
}

impl Language {
    /// The language of a clinic's `locale` (BCP 47); Portuguese unless it is English.
    #[must_use]
    pub fn of(locale: &str) -> Self {
        if locale.starts_with("en") {
            Self::English
        } else {
            Self::Portuguese
        }
    }

    fn cut(self, most: usize) -> String {
        match self {
            Self::Portuguese => format!("Incompleta: mostra no máximo {most} consultas passadas e {most} futuras"),
            Self::English => format!("Incomplete: shows at most {most} past and {most} coming appointments"),
        }
    }

    const fn appointment(self) -> &'static str {
        match self {
            Self::Portuguese => "Consulta",
            Self::English => "Appointment",
        }
    }
}

/// How sure an appointment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// Booked, but not confirmed.
    Tentative,
    /// Confirmed, going on, or over.
    Confirmed,
    /// Cancelled, or the patient did not come.
    Cancelled,
}

impl Certainty {
    /// What an appointment's `status` means to a calendar.
    #[must_use]
    pub fn of(status: &str) -> Self {
        match status {
            "cancelled" | "no_show" => Self::Cancelled,
            "scheduled" => Self::Tentative,
            _ => Self::Confirmed,
        }
    }
}

/// Who comes, as far as the feed may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visitor {
    /// The name, and what for.
    Named {
        /// The name by which the person is called.
        name: String,
        /// The service.
        service: Option<String>,
    },
    /// No more than the initials.
    Initials(String),
}

impl Visitor {
    /// The initials of `name`, three at most: of its first words and its last, particles such as "da" left out.
    #[must_use]
    pub fn initials_of(name: &str) -> Self {
        let starts_large = |word: &&str| word.chars().next().is_some_and(char::is_uppercase);
        let words: Vec<&str> = name.split_whitespace().collect();
        let mut letters: Vec<char> = words
            .iter()
            .copied()
            .filter(starts_large)
            .filter_map(|word| word.chars().next())
            .collect();
        if letters.is_empty() {
            letters.extend(
                words
                    .first()
                    .and_then(|word| word.chars().next())
                    .into_iter()
                    .flat_map(char::to_uppercase),
            );
        }
        if let (true, Some(last)) = (letters.len() > 3, letters.last().copied()) {
            letters.truncate(2);
            letters.push(last);
        }
        Self::Initials(letters.into_iter().map(|letter| format!("{letter}.")).collect())
    }
}

/// An appointment in a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which appointment: the stable part of the UID.
    pub id: AppointmentId,
    /// When.
    pub slot: TimeSlot,
    /// How sure.
    pub certainty: Certainty,
    /// How often it was moved or changed in a way that matters to those who come (RFC 5545, 3.8.7.4).
    pub sequence: u32,
    /// When it was booked.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who comes.
    pub visitor: Visitor,
    /// To whom.
    pub practitioner: String,
    /// Where.
    pub room: Option<String>,
}

/// A calendar's name, language and zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// What calendar programs call it.
    pub name: String,
    /// In which language it is.
    pub language: Language,
    /// In which zone the clinic is.
    pub zone: Zone,
    /// How many entries there are at most in each direction, where there would be more.
    pub cut_at: Option<usize>,
}

/// The calendar as text.
#[must_use]
pub fn write(heading: &Heading, entries: &[Entry]) -> String {
    let mut calendar = Calendar::empty();
    let refresh = REFRESH.to_string();
    let name = one_line(&heading.name);
    calendar
        .append_property(("VERSION", "2.0"))
        .append_property(("PRODID", "-//TaskMed//Agenda//EN"))
        .append_property(("CALSCALE", "GREGORIAN"))
        // The crate escapes text of the properties that RFC 5545 knows; this one is of RFC 7986, so its kind has to be said.
        .append_property(Property::new("NAME", &name).add_parameter("VALUE", "TEXT").done())
        .append_property(("X-WR-CALNAME", name.as_str()))
        .append_property(("X-WR-TIMEZONE", heading.zone.name()))
        .append_property(
            Property::new("REFRESH-INTERVAL", &refresh)
                .add_parameter("VALUE", "DURATION")
                .done(),
        )
        .append_property(("X-PUBLISHED-TTL", refresh.as_str()));
    if let Some(most) = heading.cut_at {
        calendar.append_property(("X-WR-CALDESC", heading.language.cut(most).as_str()));
    }
    for entry in entries {
        calendar.push(event(entry, heading.language));
    }
    fold(&calendar.to_string().replace("\r\n ", ""))
}

/// `text` without control characters, which RFC 5545 (3.1) has no way to write: a bare carriage return would end a line for
/// some readers. Names have none; this is for rows that came past the API.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The most bytes of a line, its line break left out (RFC 5545, 3.1).
const LONGEST_LINE: usize = 75;

/// `text` with its long lines cut into several, never within a character. The crate's own folding lets a last line be a byte too
/// long, since it does not count the space that such a line begins with.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + text.len() / 32);
    let mut bytes_in_line = 0;
    for character in text.chars() {
        if character == '\n' {
            bytes_in_line = 0;
        } else if character != '\r' {
            if bytes_in_line + character.len_utf8() > LONGEST_LINE {
                folded.push_str("\r\n ");
                bytes_in_line = 1;
            }
            bytes_in_line += character.len_utf8();
        }
        folded.push(character);
    }
    folded
}

fn event(entry: &Entry, language: Language) -> Event {
    let mut event = Event::new();
    event
        .uid(&format!("{}@taskmed", entry.id))
        .sequence(entry.sequence)
        // In a calendar without a METHOD, the time at which the entry was last revised (RFC 5545, 3.8.7.2).
        .timestamp(entry.updated_at.as_datetime())
        .last_modified(entry.updated_at.as_datetime())
        .created(entry.created_at.as_datetime())
        .starts(entry.slot.starts_at().as_datetime())
        .ends(entry.slot.ends_at().as_datetime())
        .summary(&one_line(&summary(&entry.visitor, language)))
        .description(&one_line(&entry.practitioner))
        .class(icalendar::Class::Private);
    if let Some(room) = &entry.room {
        event.location(&one_line(room));
    }
    match entry.certainty {
        Certainty::Tentative => event.status(EventStatus::Tentative).add_property("TRANSP", "OPAQUE"),
        Certainty::Confirmed => event.status(EventStatus::Confirmed).add_property("TRANSP", "OPAQUE"),
        Certainty::Cancelled => event
            .status(EventStatus::Cancelled)
            .add_property("TRANSP", "TRANSPARENT"),
    };
    event
}

fn summary(visitor: &Visitor, language: Language) -> String {
    match visitor {
        Visitor::Named { name, service } => {
            format!(
                "{name} – {}",
                service.as_deref().unwrap_or_else(|| language.appointment())
            )
        }
        Visitor::Initials(initials) if initials.is_empty() => language.appointment().to_owned(),
        Visitor::Initials(initials) => format!("{} {initials}", language.appointment()),
    }
}

#[cfg(test)]
mod tests {
    use icalendar::parser::{read_calendar, unfold};
    use icalendar::{CalendarComponent, CalendarDateTime, DatePerhapsTime};
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn entry() -> Entry {
        Entry {
            id: "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5".parse().unwrap(),
            slot: TimeSlot::new(at("2026-11-23T17:00:00Z"), at("2026-11-23T17:30:00Z")).unwrap(),
            certainty: Certainty::Confirmed,
            sequence: 3,
            created_at: at("2026-11-01T10:00:00Z"),
            updated_at: at("2026-11-20T12:34:56.789Z"),
            visitor: Visitor::Named {
                name: "Maria da Silva".to_owned(),
                service: Some("Retorno".to_owned()),
            },
            practitioner: "Dra. Helena Lima".to_owned(),
            room: Some("Sala 2".to_owned()),
        }
    }

    fn heading(name: &str) -> Heading {
        Heading {
            name: name.to_owned(),
            language: Language::Portuguese,
            zone: "America/Sao_Paulo".parse().unwrap(),
            cut_at: None,
        }
    }

    /// The calendar as a reader understands it.
    fn read(text: &str) -> Calendar {
        read_calendar(&unfold(text)).unwrap().into()
    }

    fn only_event(calendar: &Calendar) -> &Event {
        match calendar.components.as_slice() {
            [CalendarComponent::Event(event)] => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let calendar = read(&write(&heading("Agenda"), &[entry()]));
        assert_eq!(calendar.property_value("VERSION"), Some("2.0"));
        assert_eq!(calendar.property_value("X-WR-CALNAME"), Some("Agenda"));
        assert_eq!(calendar.property_value("X-WR-TIMEZONE"), Some("America/Sao_Paulo"));
        assert_eq!(calendar.get_ttl(), Some(REFRESH));
        let event = only_event(&calendar);
        let utc = |text| Some(DatePerhapsTime::DateTime(CalendarDateTime::Utc(at(text).as_datetime())));
        assert_eq!(event.get_uid(), Some("0192f0c1-2a3b-7c4d-8e5f-60718293a4b5@taskmed"));
        assert_eq!(event.get_start(), utc("2026-11-23T17:00:00Z"));
        assert_eq!(event.get_end(), utc("2026-11-23T17:30:00Z"));
        assert_eq!(event.get_sequence(), Some(3));
        assert_eq!(event.get_status(), Some(EventStatus::Confirmed));
        assert_eq!(event.get_timestamp(), Some(at("2026-11-20T12:34:56Z").as_datetime()));
        assert_eq!(event.get_last_modified(), event.get_timestamp());
        assert_eq!(event.get_summary(), Some("Maria da Silva – Retorno"));
        assert_eq!(event.get_description(), Some("Dra. Helena Lima"));
        assert_eq!(event.get_location(), Some("Sala 2"));
    }

    #[test]
    fn what_is_cancelled_stays_and_blocks_no_time() {
        for status in ["cancelled", "no_show"] {
            let cancelled = Entry {
                certainty: Certainty::of(status),
                ..entry()
            };
            let calendar = read(&write(&heading("Agenda"), &[cancelled]));
            let event = only_event(&calendar);
            assert_eq!(event.get_status(), Some(EventStatus::Cancelled));
            assert_eq!(event.property_value("TRANSP"), Some("TRANSPARENT"));
        }
        assert_eq!(Certainty::of("scheduled"), Certainty::Tentative);
        for status in ["confirmed", "checked_in", "in_progress", "completed"] {
            assert_eq!(Certainty::of(status), Certainty::Confirmed);
        }
    }

    #[test]
    fn without_names_there_are_initials() {
        for (name, shown) in [
            ("Maria Aparecida da Silva Souza", "Consulta M.A.S."),
            ("Ana Lima", "Consulta A.L."),
            ("joana", "Consulta J."),
            ("Érica", "Consulta É."),
        ] {
            assert_eq!(summary(&Visitor::initials_of(name), Language::of("pt-BR")), shown);
        }
        assert_eq!(
            summary(&Visitor::initials_of("Ana Lima"), Language::of("en-US")),
            "Appointment A.L."
        );
    }

    #[test]
    fn control_characters_end_no_line() {
        let visitor = Visitor::Named {
            name: "Ana\r\nEND:VEVENT\rX-A:B\u{85}\u{7f}".to_owned(),
            service: None,
        };
        let text = write(&heading("A\nB"), &[Entry { visitor, ..entry() }]);
        assert_eq!(
            only_event(&read(&text)).get_summary(),
            Some("Ana  END:VEVENT X-A:B   – Consulta")
        );
        assert_eq!(read(&text).property_value("NAME"), Some("A B"));
    }

    #[test]
    fn an_empty_agenda_is_a_calendar() {
        assert!(read(&write(&heading("Agenda"), &[])).components.is_empty());
    }

    /// One line of text without control characters, as names are.
    fn any_name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[\\PC]{1,120}".prop_map(|text| text.replace(char::is_control, " ")),
            "[a-zãé,;:\\\\\"= nN]{1,200}",
        ]
        .prop_map(|text| text.trim().to_owned())
        .prop_filter("names are not blank", |text| !text.is_empty())
    }

    proptest! {
        #[test]
        fn any_text_reads_back(name in any_name(), person in any_name(), room in any_name(), practitioner in any_name()) {
            let visitor = Visitor::Named { name: person.clone(), service: None };
            let entry = Entry { visitor, room: Some(room.clone()), practitioner: practitioner.clone(), ..entry() };
            let text = write(&heading(&name), &[entry]);
            let calendar = read(&text);
            let event = only_event(&calendar);
            let summary = format!("{person} – Consulta");
            prop_assert_eq!(calendar.property_value("X-WR-CALNAME"), Some(name.as_str()));
            prop_assert_eq!(calendar.property_value("NAME"), Some(name.as_str()));
            prop_assert_eq!(event.get_summary(), Some(summary.as_str()));
            prop_assert_eq!(event.get_location(), Some(room.as_str()));
            prop_assert_eq!(event.get_description(), Some(practitioner.as_str()));
        }

        #[test]
        fn lines_are_folded(name in any_name()) {
            let entry = Entry { visitor: Visitor::Named { name, service: None }, ..entry() };
            let text = write(&heading("Agenda"), &[entry]);
            prop_assert!(text.ends_with("END:VCALENDAR\r\n"));
            for line in text.trim_end().split("\r\n") {
                prop_assert!(line.len() <= 75, "{} bytes: {line:?}", line.len());
                prop_assert!(!line.contains(['\r', '\n']));
            }
        }
    }
}
