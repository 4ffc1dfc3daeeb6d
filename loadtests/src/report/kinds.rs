//! What is measured, and what is demanded of it.

/// How a row is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Judged {
    /// At least this part of the ceiling.
    AtLeast(f64),
    /// At most this much.
    AtMost(f64),
    /// At least this much, where there is no ceiling.
    NoLess(f64),
    /// Against its ceiling, but without a target.
    Shown,
}

/// What is measured, in the order of the report.
pub(super) struct Kind {
    /// The name in the samples.
    pub(super) key: &'static str,
    /// The name in the report.
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) judged: Judged,
}

const fn kind(key: &'static str, name: &'static str, unit: &'static str, judged: Judged) -> Kind {
    Kind {
        key,
        name,
        unit,
        judged,
    }
}

/// The targets are those of docs/performance.md.
pub(super) const KINDS: &[Kind] = &[
    kind(
        "contact-cached",
        "GET a contact, cached",
        "requests/s",
        Judged::AtLeast(0.70),
    ),
    kind(
        "agenda-cached",
        "GET a practitioner's day, cached",
        "requests/s",
        Judged::AtLeast(0.70),
    ),
    kind(
        "contact-uncached",
        "GET a contact, uncached",
        "requests/s",
        Judged::AtLeast(0.40),
    ),
    kind(
        "agenda-uncached",
        "GET a practitioner's day, uncached",
        "requests/s",
        Judged::AtLeast(0.40),
    ),
    kind(
        "search-uncached",
        "search by the start of a name, uncached",
        "requests/s",
        Judged::Shown,
    ),
    kind(
        "inbox-cached",
        "list the inbox, cached",
        "requests/s",
        Judged::AtLeast(0.70),
    ),
    kind(
        "inbox-uncached",
        "list the inbox, uncached",
        "requests/s",
        Judged::AtLeast(0.40),
    ),
    kind(
        "talk-cached",
        "open a conversation with its last 50 messages, cached",
        "requests/s",
        Judged::AtLeast(0.70),
    ),
    kind(
        "talk-uncached",
        "open a conversation with its last 50 messages, uncached",
        "requests/s",
        Judged::AtLeast(0.40),
    ),
    kind("book", "POST an appointment", "requests/s", Judged::AtLeast(0.45)),
    kind(
        "jobs-idle",
        "jobs whose handlers do nothing",
        "jobs/s",
        Judged::NoLess(1_000.0),
    ),
    kind(
        "jobs-writing",
        "jobs whose handlers write a row",
        "jobs/s",
        Judged::NoLess(1_000.0),
    ),
    kind(
        "urgent-delay",
        "urgent job under a flood of bulk work, the longest delay",
        "ms",
        Judged::AtMost(100.0),
    ),
    kind("cache-hit", "in-process cache hit", "ms", Judged::AtMost(0.002)),
    kind(
        "live-median",
        "news to a live connection, half of them",
        "ms",
        Judged::Shown,
    ),
    kind(
        "live",
        "news to a live connection, 99 of 100",
        "ms",
        Judged::AtMost(50.0),
    ),
    kind(
        "live-latest",
        "news to a live connection, the latest",
        "ms",
        Judged::Shown,
    ),
    kind(
        "memory",
        "memory of the gateway, its highest",
        "MiB",
        Judged::AtMost(100.0),
    ),
    kind("load", "load of the recorded appointments", "s", Judged::AtMost(60.0)),
];
