//! Makes the report of what was measured: medians over rounds, ratios to the ceilings, and whether the targets hold.

mod kinds;

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Serialize;

use kinds::{Judged, KINDS, Kind};

/// One row of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What was measured, and with how many clients.
    pub name: String,
    /// The unit of `ours` and `ceiling`.
    pub unit: &'static str,
    /// The median of ours.
    pub ours: f64,
    /// The median of what it is compared with.
    pub ceiling: Option<f64>,
    /// Ours divided by the ceiling.
    pub ratio: Option<f64>,
    /// The least ratio; where there is no ceiling, the most or the least of ours.
    pub target: Option<f64>,
    /// Whether the target is met.
    pub holds: Option<bool>,
}

/// A line that is no sample.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no sample: {0:?}; one is written as <name> <clients> ours|ceiling <number>")]
pub struct InvalidSample(String);

/// Samples by name and clients.
type Samples<'s> = HashMap<(&'s str, u32), Sides>;

#[derive(Debug, Default)]
struct Sides {
    ours: Vec<f64>,
    ceiling: Vec<f64>,
}

/// The report of `samples`, one a line: `<name> <clients> ours|ceiling <number>`; clients is 0 where there are none.
///
/// # Errors
/// [`InvalidSample`] for a line that is none, or one of something that is not measured.
pub fn rows(samples: &str) -> Result<Vec<Row>, InvalidSample> {
    let mut by_kind: Samples<'_> = HashMap::new();
    for line in samples.lines() {
        let (key, clients, side, value) = sample(line).ok_or_else(|| InvalidSample(line.to_owned()))?;
        let sides = by_kind.entry((key, clients)).or_default();
        match side {
            "ours" => sides.ours.push(value),
            _ => sides.ceiling.push(value),
        }
    }
    let mut rows = Vec::new();
    for kind in KINDS {
        let mut of_kind: Vec<_> = by_kind.iter().filter(|((key, _), _)| *key == kind.key).collect();
        of_kind.sort_unstable_by_key(|((_, clients), _)| *clients);
        rows.extend(
            of_kind
                .into_iter()
                .filter_map(|((_, clients), sides)| row(kind, *clients, sides)),
        );
    }
    Ok(rows)
}

fn sample(line: &str) -> Option<(&str, u32, &str, f64)> {
    let mut words = line.split_whitespace();
    let (key, clients, side) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let value: f64 = words.next()?.parse().ok()?;
    let is_known = KINDS.iter().any(|kind| kind.key == key) && matches!(side, "ours" | "ceiling");
    (is_known && value.is_finite() && words.next().is_none()).then_some((key, clients, side, value))
}

fn row(kind: &Kind, clients: u32, sides: &Sides) -> Option<Row> {
    let ours = median(&sides.ours)?;
    let ceiling = median(&sides.ceiling);
    let ratio = ceiling.filter(|ceiling| *ceiling > 0.0).map(|ceiling| ours / ceiling);
    let (target, holds) = match kind.judged {
        Judged::AtLeast(target) => (Some(target), Some(ratio.is_some_and(|ratio| ratio >= target))),
        Judged::AtMost(target) => (Some(target), Some(ours <= target)),
        Judged::NoLess(target) => (Some(target), Some(ours >= target)),
        Judged::Shown => (None, None),
    };
    let name = match clients {
        0 => kind.name.to_owned(),
        1 => format!("{}, 1 client", kind.name),
        many => format!("{}, {many} clients", kind.name),
    };
    Some(Row {
        name,
        unit: kind.unit,
        ours: rounded(ours),
        ceiling: ceiling.map(rounded),
        ratio: ratio.map(rounded),
        target,
        holds,
    })
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get((sorted.len() / 2).checked_sub(1)?)?;
    Some(f64::midpoint(lower, upper))
}

/// Four significant digits or so: more would say more than was measured.
fn rounded(value: f64) -> f64 {
    let scale = match value.abs() {
        large if large >= 1000.0 => 1.0,
        medium if medium >= 10.0 => 10.0,
        small if small >= 0.1 => 1000.0,
        _ => 1_000_000.0,
    };
    (value * scale).round() / scale
}

/// The report as a table.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let widest = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let mut table = format!(
        "{:widest$}  {:>10}  {:>10}  {:>10}  {:>6}  {:>6}  holds\n",
        "what", "unit", "ours", "ceiling", "ratio", "target"
    );
    for row in rows {
        let holds = match row.holds {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "-",
        };
        // Writing to a String does not fail.
        let _written = writeln!(
            table,
            "{:widest$}  {:>10}  {:>10}  {:>10}  {:>6}  {:>6}  {holds}",
            row.name,
            row.unit,
            number(Some(row.ours)),
            number(row.ceiling),
            number(row.ratio),
            number(row.target),
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_compared_with_the_ceiling() {
        let samples = "contact-cached 16 ours 70\ncontact-cached 16 ceiling 90\ncontact-cached 16 ours 80\n\
                       contact-cached 16 ceiling 110\ncontact-cached 16 ours 10\ncontact-cached 16 ceiling 100\n";
        assert_eq!(
            rows(samples).unwrap(),
            [Row {
                name: "GET a contact, cached, 16 clients".to_owned(),
                unit: "requests/s",
                ours: 70.0,
                ceiling: Some(100.0),
                ratio: Some(0.7),
                target: Some(0.7),
                holds: Some(true),
            }]
        );
    }

    #[test]
    fn what_has_no_ceiling_is_held_against_a_limit() {
        let rows = rows("memory 0 ours 120\nload 0 ours 12.34\n").unwrap();
        let judged: Vec<_> = rows
            .iter()
            .map(|row| (row.name.as_str(), row.ratio, row.holds))
            .collect();
        assert_eq!(
            judged,
            [
                ("memory of the gateway, its highest", None, Some(false)),
                ("load of the recorded appointments", None, Some(true))
            ]
        );
    }

    #[test]
    fn a_missing_ceiling_does_not_hold() {
        assert_eq!(rows("book 1 ours 100\n").unwrap()[0].holds, Some(false));
    }

    #[test]
    fn what_is_no_sample_is_refused() {
        for line in [
            "",
            "book 1 ours",
            "book 1 theirs 3",
            "other 1 ours 3",
            "book x ours 3",
            "book 1 ours nan",
            "book 1 ours 3 4",
        ] {
            assert!(rows(&format!("{line}\n")).is_err(), "{line}");
        }
    }

    #[test]
    fn the_table_shows_every_row() {
        let text = table(&rows("book 1 ours 100\nbook 1 ceiling 400\ncache-hit 0 ours 0.000812\n").unwrap());
        assert!(text.contains("POST an appointment, 1 client"), "{text}");
        assert!(text.lines().any(|line| line.ends_with("0.25    0.45  NO")), "{text}");
        assert!(
            text.lines()
                .any(|line| line.contains("0.000812") && line.ends_with("yes")),
            "{text}"
        );
    }
}
