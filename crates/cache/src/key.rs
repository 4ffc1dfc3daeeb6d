//! What an answer is found by.

use aws_lc_rs::digest;
use kernel::{ClinicId, PermissionSet, Tag};

use crate::Generation;

/// A question one clinic asks, and the tags of all that its answer is computed from.
#[derive(Debug, Clone)]
pub struct CacheKey {
    slot: Slot,
    tags: Vec<Tag>,
}

/// Where an answer lies: everything of the key but the generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    pub(crate) clinic: ClinicId,
    resource: &'static str,
    question: u128,
}

impl CacheKey {
    /// The key of the question `query` put to `resource` (such as `contacts.list`) by a caller of `clinic`.
    ///
    /// `scope` holds the caller's permissions as far as they change the answer; callers with equal scopes share answers.
    /// `query` is whatever else the answer depends on, written so that two different questions never read the same.
    /// `tags` names all that the answer is computed from; their order does not matter.
    #[must_use]
    pub fn new(
        clinic: ClinicId,
        resource: &'static str,
        scope: PermissionSet,
        query: &[u8],
        mut tags: Vec<Tag>,
    ) -> Self {
        // A repeated tag would weigh twice in the combined generation and in a different order give another one.
        tags.sort_unstable();
        tags.dedup();
        Self {
            slot: Slot {
                clinic,
                resource,
                question: question(scope, query),
            },
            tags,
        }
    }

    /// The clinic that asks.
    #[must_use]
    pub const fn clinic(&self) -> ClinicId {
        self.slot.clinic
    }

    /// What the answer is computed from, sorted, each once.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// The answer's name outside this process: `clinic:{id}:{resource}:{generation}:{query hash}`, where the hash covers
    /// the permissions too.
    #[must_use]
    pub fn name(&self, generation: Generation) -> String {
        let Slot {
            clinic,
            resource,
            question,
        } = &self.slot;
        format!("clinic:{clinic}:{resource}:{generation}:{question:032x}")
    }

    pub(crate) const fn slot(&self) -> Slot {
        self.slot
    }
}

/// The first half of the SHA-256 of the permissions and the query: nobody can make two questions meet.
fn question(scope: PermissionSet, query: &[u8]) -> u128 {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&scope.bits().to_be_bytes());
    context.update(query);
    let hash = context.finish();
    hash.as_ref()
        .iter()
        .take(16)
        .fold(0, |question, byte| question << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use kernel::Permission;

    use super::*;

    fn clinic() -> ClinicId {
        "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5".parse().unwrap()
    }

    #[test]
    fn the_name_starts_with_the_clinic_and_holds_the_first_half_of_the_hash() {
        let key = CacheKey::new(clinic(), "contacts.get", PermissionSet::NONE, b"", Vec::new());
        // SHA-256 of eight zero bytes.
        assert_eq!(
            key.name(Generation::NEVER_BUMPED),
            "clinic:0192f0c1-2a3b-7c4d-8e5f-60718293a4b5:contacts.get:0000000000000000:af5570f5a1810b7af78caf4bc70a660f"
        );
    }

    #[test]
    fn permissions_and_query_are_both_part_of_the_question() {
        let slot = |scope: &[Permission], query: &[u8]| {
            CacheKey::new(clinic(), "contacts.get", PermissionSet::of(scope), query, Vec::new()).slot()
        };
        assert_eq!(
            slot(&[Permission::ContactsRead], b"a"),
            slot(&[Permission::ContactsRead], b"a")
        );
        assert_ne!(
            slot(&[Permission::ContactsRead], b"a"),
            slot(&[Permission::RecordsRead], b"a")
        );
        assert_ne!(
            slot(&[Permission::ContactsRead], b"a"),
            slot(&[Permission::ContactsRead], b"b")
        );
    }

    #[test]
    fn tags_are_a_set() {
        let tags = |tags| {
            CacheKey::new(clinic(), "r", PermissionSet::NONE, b"", tags)
                .tags()
                .to_vec()
        };
        let (rows, row) = (Tag::collection("contacts"), Tag::part("contact", 7));
        assert_eq!(
            tags(vec![rows.clone(), row.clone(), rows.clone()]),
            tags(vec![row, rows])
        );
    }
}
