//! The kinds of events there are, and the choice of some of them: `*`, `appointment.*`, or `appointment.booked`.

use kernel::{FieldErrors, Permission, PermissionSet, PublicEvent};

/// What stands for every kind.
const ALL: &str = "*";

/// The most entries of a choice.
const MOST: usize = 100;

/// Every kind of event that may be told to the outside, in the order in which it is shown.
#[derive(Debug, Clone)]
pub struct Catalogue(Vec<PublicEvent>);

/// A choice of kinds, checked against the catalogue: sorted, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventChoice(Vec<String>);

impl EventChoice {
    /// As it is stored and shown.
    pub(crate) fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// The group of `kind`: `appointment.*` for `appointment.booked`.
fn group_of(kind: &str) -> String {
    let (resource, _happened) = kind.split_once('.').unwrap_or((kind, ""));
    format!("{resource}.*")
}

/// The entries of a choice that take in `kind`.
pub(crate) fn choices_of(kind: &str) -> [String; 3] {
    [ALL.to_owned(), group_of(kind), kind.to_owned()]
}

impl Catalogue {
    /// The catalogue of these kinds.
    pub fn new(events: impl IntoIterator<Item = PublicEvent>) -> Self {
        Self(events.into_iter().collect())
    }

    /// The kinds.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &PublicEvent> {
        self.0.iter()
    }

    /// What one must be permitted to hear of `kind`, where there is such a kind.
    #[must_use]
    pub fn permission_of(&self, kind: &str) -> Option<Permission> {
        self.iter()
            .find(|event| event.kind == kind)
            .map(|event| event.permission)
    }

    /// The choice that `entries` are; the fields at fault are named `pointer` and the entry's place.
    pub(crate) fn choose(
        &self,
        entries: &[String],
        pointer: impl Fn(usize) -> String,
    ) -> Result<EventChoice, FieldErrors> {
        let mut errors = FieldErrors::new();
        if entries.len() > MOST {
            errors.push(pointer(MOST), "too_many", format!("at most {MOST} entries"));
            return Err(errors);
        }
        for (place, entry) in entries.iter().enumerate() {
            let known = entry == ALL
                || self
                    .iter()
                    .any(|event| event.kind == entry || group_of(event.kind) == *entry);
            if !known {
                errors.push(
                    pointer(place),
                    "unknown_event_type",
                    "write *, a group such as appointment.*, or a type that GET /v1/event-types lists",
                );
            }
        }
        let mut chosen = entries.to_vec();
        chosen.sort_unstable();
        chosen.dedup();
        errors.finish(Some(EventChoice(chosen)))
    }

    /// What one must be permitted to hear for `choice`, as far as it names exact kinds. Groups ask for nothing: of them only what
    /// may be heard is told.
    pub(crate) fn named_by(&self, choice: &EventChoice) -> PermissionSet {
        choice.0.iter().filter_map(|entry| self.permission_of(entry)).collect()
    }

    /// The permissions among `held` that this catalogue asks for.
    pub(crate) fn permissions_among(&self, held: PermissionSet) -> Vec<&'static str> {
        let asked: PermissionSet = self.iter().map(|event| event.permission).collect();
        asked
            .iter()
            .filter(|permission| held.contains(*permission))
            .map(Permission::name)
            .collect()
    }

    /// The kinds that `choice` takes in (all of them without one) and the holder of `held` may hear.
    pub(crate) fn heard(&self, choice: Option<&EventChoice>, held: PermissionSet) -> Vec<&'static str> {
        self.iter()
            .filter(|event| held.contains(event.permission))
            .filter(|event| {
                choice.is_none_or(|choice| choices_of(event.kind).iter().any(|entry| choice.0.contains(entry)))
            })
            .map(|event| event.kind)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let event = |kind, permission| PublicEvent {
            kind,
            permission,
            summary: "",
        };
        Catalogue::new([
            event("contact.created", Permission::ContactsRead),
            event("appointment.booked", Permission::AppointmentsRead),
            event("appointment.cancelled", Permission::AppointmentsRead),
        ])
    }

    fn choose(entries: &[&str]) -> Result<EventChoice, FieldErrors> {
        let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
        catalogue().choose(&entries, |place| format!("/events/{place}"))
    }

    #[test]
    fn groups_and_kinds_are_known_by_the_catalogue() {
        assert_eq!(
            choose(&["contact.created", "appointment.*", "contact.created"])
                .unwrap()
                .as_slice(),
            ["appointment.*", "contact.created"]
        );
        let faults = choose(&["*", "appointment", "contact.gone", "invoice.*"])
            .unwrap_err()
            .into_vec();
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/events/1", "/events/2", "/events/3"]);
    }

    #[test]
    fn only_what_may_be_heard_is_taken_in() {
        let reads = PermissionSet::of(&[Permission::AppointmentsRead]);
        let all = choose(&["*"]).unwrap();
        assert_eq!(
            catalogue().heard(Some(&all), reads),
            ["appointment.booked", "appointment.cancelled"]
        );
        assert_eq!(
            catalogue().heard(Some(&choose(&["contact.*"]).unwrap()), reads),
            [""; 0]
        );
        assert_eq!(catalogue().named_by(&all), PermissionSet::NONE);
        assert_eq!(
            catalogue().named_by(&choose(&["contact.created"]).unwrap()),
            PermissionSet::of(&[Permission::ContactsRead])
        );
    }
}
