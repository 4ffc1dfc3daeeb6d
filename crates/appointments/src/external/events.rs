//! The events of an iCalendar text, one by one, so that one that is broken takes no other with it. Pure.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use icalendar::parser::{Component, Property, read_components, unfold};

use super::places::{Place, Places};

/// The longest block of lines that is taken for one event, in bytes.
const LONGEST: usize = 64 * 1024;
/// How deep components may lie in each other.
const DEEPEST: usize = 4;

/// The text of each component of a calendar that matters here.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) events: Vec<String>,
    pub(super) zones: Vec<String>,
    /// Those too long or too deep.
    pub(super) broken: usize,
}

/// The events and zones in `text`; none when it is no calendar.
pub(super) fn blocks(text: &str) -> Option<Blocks> {
    let text = unfold(text);
    let mut lines = text
        .lines()
        .map(str::trim_end)
        .skip_while(|line| line.trim_start_matches('\u{feff}').is_empty());
    let first = lines.next()?.trim_start_matches('\u{feff}');
    if !first.eq_ignore_ascii_case("BEGIN:VCALENDAR") {
        return None;
    }
    let mut blocks = Blocks::default();
    let mut open: Vec<String> = Vec::new();
    let mut block = String::new();
    let mut deepest = 0;
    for line in lines {
        let upper = line.get(..line.len().min(40)).unwrap_or_default().to_ascii_uppercase();
        if let Some(name) = upper.strip_prefix("BEGIN:") {
            open.push(name.to_owned());
            deepest = deepest.max(open.len());
        }
        if !open.is_empty() && block.len() <= LONGEST {
            block.push_str(line);
            block.push_str("\r\n");
        }
        if upper.starts_with("END:") && !open.is_empty() {
            if open.len() == 1 {
                let fits = block.len() <= LONGEST && deepest <= DEEPEST;
                let whole = std::mem::take(&mut block);
                match open.first().map(String::as_str) {
                    Some("VEVENT") if fits => blocks.events.push(whole),
                    Some("VTIMEZONE") if fits => blocks.zones.push(whole),
                    Some("VEVENT") => blocks.broken += 1,
                    _ => {}
                }
                deepest = 0;
            }
            open.pop();
        }
    }
    if !open.is_empty() {
        // Cut off in the middle.
        blocks.broken += 1;
    }
    Some(blocks)
}

/// The one component in `block`.
pub(super) fn component(block: &str) -> Option<Component<'_>> {
    read_components(block).ok()?.into_iter().next()
}

/// The value of the first property `name`.
pub(super) fn value_of<'c>(component: &'c Component<'_>, name: &str) -> Option<&'c str> {
    property(component, name).map(|property| property.val.as_str())
}

fn property<'c, 'p>(component: &'c Component<'p>, name: &str) -> Option<&'c Property<'p>> {
    component
        .properties
        .iter()
        .find(|property| property.name.as_str().eq_ignore_ascii_case(name))
}

fn properties<'c, 'p>(component: &'c Component<'p>, name: &'c str) -> impl Iterator<Item = &'c Property<'p>> {
    component
        .properties
        .iter()
        .filter(move |property| property.name.as_str().eq_ignore_ascii_case(name))
}

/// `20261123T090000`.
pub(super) fn local_time(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text.trim(), "%Y%m%dT%H%M%S").ok()
}

/// When something is, as a calendar writes it.
#[derive(Debug, Clone)]
pub(super) struct When {
    /// What the wall clock shows; midnight for a whole day.
    pub(super) local: NaiveDateTime,
    /// Whose wall clock.
    pub(super) place: Place,
    /// Whether it is a whole day.
    pub(super) is_day: bool,
}

fn when(text: &str, property: &Property<'_>, places: &Places) -> Option<When> {
    let text = text.trim();
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y%m%d") {
        return Some(When {
            local: day.and_time(chrono::NaiveTime::MIN),
            place: places.home().clone(),
            is_day: true,
        });
    }
    let zone = property
        .params
        .iter()
        .find(|parameter| parameter.key.as_str().eq_ignore_ascii_case("TZID"))
        .and_then(|parameter| parameter.val.as_ref());
    let (local, place) = match (text.strip_suffix('Z'), zone) {
        (Some(text), _) => (local_time(text)?, Place::Zone(kernel::Zone::UTC)),
        (None, Some(zone)) => (local_time(text)?, places.named(zone.as_str())),
        (None, None) => (local_time(text)?, places.home().clone()),
    };
    Some(When {
        local,
        place,
        is_day: false,
    })
}

/// How long an event is.
#[derive(Debug, Clone)]
pub(super) enum Length {
    /// So many days, whatever clocks do.
    Days(i64),
    /// So long.
    Time(TimeDelta),
    /// Until then.
    Until(When),
}

/// An event, as far as it can keep somebody busy.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) uid: String,
    pub(super) start: When,
    pub(super) length: Length,
    pub(super) rules: Vec<String>,
    pub(super) also: Vec<When>,
    pub(super) except: Vec<When>,
    /// Which occurrence of the event of the same UID it stands for.
    pub(super) instead_of: Option<When>,
    /// Whether it keeps nobody busy: called off, or shown as free.
    pub(super) is_free: bool,
}

impl Event {
    /// The event in `block`; none for what is none.
    pub(super) fn read(block: &str, places: &Places) -> Option<Self> {
        let component = component(block)?;
        let at = |name: &str| {
            let property = property(&component, name)?;
            when(property.val.as_str(), property, places)
        };
        let list = |name: &str| -> Vec<When> {
            properties(&component, name)
                .flat_map(|property| {
                    property
                        .val
                        .as_str()
                        .split(',')
                        // A period says more than is needed: its start.
                        .filter_map(|text| when(text.split('/').next().unwrap_or(text), property, places))
                        .collect::<Vec<_>>()
                })
                .take(5000)
                .collect()
        };
        let start = at("DTSTART")?;
        let length = match (at("DTEND"), value_of(&component, "DURATION")) {
            (Some(end), _) if start.is_day => Length::Days((end.local - start.local).num_days()),
            (Some(end), _) => Length::Until(end),
            (None, Some(text)) => Length::Time(duration(text)?),
            (None, None) if start.is_day => Length::Days(1),
            (None, None) => Length::Time(TimeDelta::zero()),
        };
        let says = |name: &str, word: &str| {
            value_of(&component, name).is_some_and(|value| value.trim().eq_ignore_ascii_case(word))
        };
        Some(Self {
            uid: value_of(&component, "UID").unwrap_or_default().to_owned(),
            length,
            rules: properties(&component, "RRULE")
                .map(|property| property.val.as_str().to_owned())
                .collect(),
            also: list("RDATE"),
            except: list("EXDATE"),
            instead_of: at("RECURRENCE-ID"),
            is_free: says("TRANSP", "TRANSPARENT") || says("STATUS", "CANCELLED"),
            start,
        })
    }
}

/// `PT1H30M`, `P1D`, `P2W` (RFC 5545, 3.3.6); none for less than nothing.
fn duration(text: &str) -> Option<TimeDelta> {
    let text = text.trim().trim_start_matches('+').strip_prefix('P')?;
    let mut total = TimeDelta::zero();
    let mut number = String::new();
    for letter in text.chars() {
        let unit = match letter {
            '0'..='9' => {
                number.push(letter);
                continue;
            }
            'T' => continue,
            'W' => TimeDelta::weeks(1),
            'D' => TimeDelta::days(1),
            'H' => TimeDelta::hours(1),
            'M' => TimeDelta::minutes(1),
            'S' => TimeDelta::seconds(1),
            _ => return None,
        };
        let count: i32 = std::mem::take(&mut number).parse().ok()?;
        total = total.checked_add(&unit.checked_mul(count)?)?;
    }
    number.is_empty().then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("PT1H30M"), Some(TimeDelta::minutes(90)));
        assert_eq!(duration("+P1DT2H"), Some(TimeDelta::hours(26)));
        assert_eq!(duration("P2W"), Some(TimeDelta::weeks(2)));
        for text in ["", "-PT1H", "PT", "P1", "PX", "PT99999999999H"] {
            assert!(
                duration(text).is_none_or(|length| text == "PT" && length.is_zero()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_broken_event_takes_no_other_with_it() {
        let found = blocks(
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nBEGIN:VALARM\r\nEND:VALARM\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\n\
             UID:2\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:3\r\n",
        )
        .unwrap();
        assert_eq!((found.events.len(), found.broken), (2, 1));
        assert!(blocks("<html>").is_none() && blocks("").is_none());
    }

    #[test]
    fn what_lies_too_deep_is_no_event() {
        let deep = format!(
            "BEGIN:VCALENDAR\n{}{}",
            "BEGIN:VEVENT\n".repeat(9),
            "END:VEVENT\n".repeat(9)
        );
        let found = blocks(&deep).unwrap();
        assert_eq!((found.events.len(), found.broken), (0, 1));
    }
}
