//! A merge as clients see it.

use std::collections::BTreeMap;

use db::DbError;
use kernel::{ContactId, ContactMergeId, Timestamp, UserId};
use rest::View;
use serde::Serialize;
use utoipa::ToSchema;

use super::store::MergeRecord;
use super::undo::undoable_until;

/// A merge of two contacts. It names what was moved and changed, and none of the values.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ContactMergeView {
    /// The merge.
    pub(super) id: ContactMergeId,
    /// The contact that went.
    pub(super) from_id: ContactId,
    /// The contact that stayed.
    pub(super) into_id: ContactId,
    /// Which fields of the one that stayed were changed.
    #[schema(example = json!(["email", "phones"]))]
    pub(super) changed: Vec<String>,
    /// How many rows of each kind were moved.
    #[schema(example = json!({"appointments": 3, "consents": 1}))]
    pub(super) moved: BTreeMap<String, usize>,
    /// When.
    pub(super) merged_at: Timestamp,
    /// Who did it; null when it was no person.
    pub(super) merged_by: Option<UserId>,
    /// Until when it can be undone, unless one of the two is merged again.
    pub(super) undoable_until: Timestamp,
    /// When it was undone.
    pub(super) undone_at: Option<Timestamp>,
    /// Who undid it; null when it was no person.
    pub(super) undone_by: Option<UserId>,
    /// Which fields kept their value when it was undone, since they had been changed after it.
    pub(super) kept: Vec<String>,
}

impl View for ContactMergeView {}

impl TryFrom<MergeRecord> for ContactMergeView {
    type Error = DbError;

    fn try_from(merge: MergeRecord) -> Result<Self, DbError> {
        let recorded = merge.recorded()?;
        Ok(Self {
            id: merge.id,
            from_id: merge.from,
            into_id: merge.into,
            changed: recorded.changed(),
            moved: recorded.counts(),
            merged_at: merge.created_at,
            merged_by: merge.merged_by,
            undoable_until: undoable_until(merge.created_at),
            undone_at: merge.undone_at,
            undone_by: merge.undone_by,
            kept: merge.kept,
        })
    }
}
