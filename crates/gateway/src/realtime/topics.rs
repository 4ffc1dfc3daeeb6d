//! What can be subscribed to, read from the catalogue of events: collections such as `appointments`, and rows such as
//! `appointment:<id>`.

use std::collections::{BTreeMap, HashMap};

use kernel::{Permission, PublicEvent};
use serde_json::Value;
use uuid::Uuid;

/// Rows that events of other kinds name, and what one must be permitted to watch them. Whether an event about them may be heard
/// is still for its own kind to say.
const ROWS: [(&str, Permission); 4] = [
    ("appointment", Permission::AppointmentsRead),
    ("contact", Permission::ContactsRead),
    ("conversation", Permission::ConversationsRead),
    ("practitioner", Permission::AppointmentsRead),
];

/// Kinds that are told as part of another collection than their own.
const PARTS: [(&str, &str); 1] = [("message", "conversation")];

/// What one kind of event is.
pub(super) struct Kind {
    pub(super) permission: Permission,
    /// What it happens to, such as `appointment`.
    subject: &'static str,
    /// The collection that it is told to.
    pub(super) collection: String,
}

/// Every topic there is.
pub(super) struct Topics {
    kinds: HashMap<&'static str, Kind>,
    /// Any of these permissions is enough; each event is checked again.
    collections: BTreeMap<String, Vec<Permission>>,
    rows: BTreeMap<&'static str, Vec<Permission>>,
}

/// Rows that payloads name by less than their whole name.
const SHORT_NAMES: [(&str, &str, &str); 2] = [
    ("waitlist", "entry", "waitlist"),
    ("appointment_series", "series", "appointment_series"),
];

/// Subjects whose plural is the same word.
const SAME_IN_PLURAL: [&str; 2] = ["waitlist", "appointment_series"];

/// The collection of `subject`: its plural.
fn plural(subject: &str) -> String {
    if SAME_IN_PLURAL.contains(&subject) {
        return subject.to_owned();
    }
    match subject.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if subject.ends_with('s') => format!("{subject}es"),
        _ => format!("{subject}s"),
    }
}

impl Topics {
    /// The topics of the events of `catalogue`.
    pub(super) fn of(catalogue: impl Iterator<Item = PublicEvent>) -> Self {
        let mut topics = Self {
            kinds: HashMap::new(),
            collections: BTreeMap::new(),
            rows: BTreeMap::new(),
        };
        for (row, permission) in ROWS {
            topics.collections.insert(plural(row), vec![permission]);
            topics.rows.insert(row, vec![permission]);
        }
        for PublicEvent { kind, permission, .. } in catalogue {
            let (subject, _) = kind.split_once('.').unwrap_or((kind, ""));
            let told_to = PARTS
                .iter()
                .find(|(part, _)| *part == subject)
                .map_or(subject, |(_, whole)| whole);
            let collection = plural(told_to);
            add(topics.collections.entry(collection.clone()).or_default(), permission);
            if told_to == subject {
                add(topics.rows.entry(subject).or_default(), permission);
            }
            topics.kinds.insert(
                kind,
                Kind {
                    permission,
                    subject,
                    collection,
                },
            );
        }
        topics
    }

    /// What one must be permitted to subscribe to `topic`, any of it; `None` when there is no such topic.
    pub(super) fn needed_for(&self, topic: &str) -> Option<&[Permission]> {
        match topic.split_once(':') {
            Some((row, id)) => {
                // In the one form in which ids are written, or it would never match.
                let id_is_plain = Uuid::try_parse(id).is_ok_and(|uuid| uuid.to_string() == id);
                self.rows.get(row).filter(|_| id_is_plain).map(Vec::as_slice)
            }
            None => self.collections.get(topic).map(Vec::as_slice),
        }
    }

    /// What is known of events of `kind`; `None` for those that are nobody's business outside.
    pub(super) fn kind(&self, kind: &str) -> Option<&Kind> {
        self.kinds.get(kind)
    }

    /// The topics of an event of `kind` with `payload`, its collection first.
    pub(super) fn of_event(kind: &Kind, payload: &Value) -> Vec<String> {
        let mut topics = vec![kind.collection.clone()];
        for (name, value) in payload.as_object().into_iter().flatten() {
            let row = match name.as_str() {
                "id" => kind.subject,
                name => match name.strip_suffix("_id").or_else(|| name.strip_suffix("_ids")) {
                    Some(row) => SHORT_NAMES
                        .iter()
                        .find(|(subject, short, _)| *subject == kind.subject && *short == row)
                        .map_or(row, |(_, _, whole)| whole),
                    None => continue,
                },
            };
            let ids = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            topics.extend(ids.iter().filter_map(Value::as_str).map(|id| format!("{row}:{id}")));
        }
        topics
    }
}

fn add(permissions: &mut Vec<Permission>, permission: Permission) {
    if !permissions.contains(&permission) {
        permissions.push(permission);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &'static str, permission: Permission) -> PublicEvent {
        PublicEvent {
            kind,
            permission,
            summary: "",
        }
    }

    fn topics() -> Topics {
        Topics::of(
            [
                event("appointment.booked", Permission::AppointmentsRead),
                event("message.received", Permission::ConversationsRead),
                event("waitlist_entry.offered", Permission::AppointmentsRead),
            ]
            .into_iter(),
        )
    }

    #[test]
    fn topics_follow_from_the_kinds() {
        let topics = topics();
        for known in ["appointments", "contacts", "conversations", "waitlist_entries"] {
            assert!(topics.needed_for(known).is_some(), "{known}");
        }
        for unknown in ["messages", "appointment", "", "appointments:1", "secrets"] {
            assert!(topics.needed_for(unknown).is_none(), "{unknown}");
        }
        let id = Uuid::from_u128(7).to_string();
        assert!(topics.needed_for(&format!("waitlist_entry:{id}")).is_some());
        assert!(topics.needed_for(&format!("contact:{}", id.replace('-', ""))).is_none());
    }

    #[test]
    fn an_event_is_told_to_every_row_that_it_names() {
        let topics = topics();
        let kind = topics.kind("message.received").unwrap();
        let payload = json!({"id": "m", "conversation_id": "c", "contact_ids": ["a", "b"], "status": "new", "n": 3});
        let mut told = Topics::of_event(kind, &payload);
        assert_eq!(told.remove(0), "conversations");
        told.sort();
        assert_eq!(told, ["contact:a", "contact:b", "conversation:c", "message:m"]);
        assert!(topics.kind("hold.expired").is_none());
    }

    #[test]
    fn the_waiting_list_and_series_are_heard_by_names_that_people_would_guess() {
        let topics = Topics::of(
            [
                event("waitlist.offered", Permission::AppointmentsRead),
                event("appointment_series.created", Permission::AppointmentsRead),
            ]
            .into_iter(),
        );
        let id = Uuid::from_u128(7).to_string();
        for (kind, member, collection, row) in [
            ("waitlist.offered", "entry_id", "waitlist", "waitlist"),
            (
                "appointment_series.created",
                "series_id",
                "appointment_series",
                "appointment_series",
            ),
        ] {
            let told = Topics::of_event(topics.kind(kind).unwrap(), &json!({ member: id }));
            assert_eq!(told, [collection.to_owned(), format!("{row}:{id}")]);
            for topic in &told {
                assert!(topics.needed_for(topic).is_some(), "{topic}");
            }
        }
    }
}
