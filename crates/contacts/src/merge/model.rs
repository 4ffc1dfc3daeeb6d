//! What a merge is made of, and what it leaves behind so that it can be undone.

use std::collections::BTreeMap;

use kernel::{ContactConsentId, ContactId, ContactMergeId, text_enum};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::dto::KeepChoices;
use crate::people::model::{ContactColumns, Guardian};
use crate::people::phones::{Phone, PhoneList};
use crate::people::store::ChangedContact;
use crate::people::{Contact, ContactKind};

text_enum! {
    /// One of two contacts that are merged.
    pub enum MergeSide {
        /// The one that stays.
        Into = "into",
        /// The one that goes.
        From = "from",
    }
    error = InvalidMergeSide, code = "unknown_side";
}

/// Two contacts whose rows this transaction has locked and that may be merged.
#[derive(Debug, Clone)]
pub struct Pair {
    pub(super) into: Contact,
    pub(super) from: Contact,
}

impl Pair {
    /// The contact that stays.
    #[must_use]
    pub const fn into_id(&self) -> ContactId {
        self.into.columns.id
    }

    /// The contact that goes.
    #[must_use]
    pub const fn from_id(&self) -> ContactId {
        self.from.columns.id
    }
}

/// The rows that other domains moved, by kind, such as `appointments`.
pub type AlsoMoved = BTreeMap<&'static str, Vec<Uuid>>;

/// How things stood that other domains changed without moving them, by kind: what they need to put them back. No text of anybody's.
pub type AlsoStood = BTreeMap<&'static str, Value>;

/// What a merge came to.
#[derive(Debug, Clone)]
pub struct MergeOutcome {
    /// The merge.
    pub id: ContactMergeId,
    /// The contact that stays, as it is now.
    pub contact: Contact,
    /// The contact that went: its address now leads to the other one.
    pub from_id: ContactId,
    /// How many rows of each kind were moved.
    pub moved: BTreeMap<&'static str, usize>,
}

/// What a merge moved and changed, row by row.
#[derive(Debug, Serialize)]
pub(super) struct Moved {
    /// Consents that were the other's.
    pub(super) consents: Vec<ContactConsentId>,
    /// People whose guardian the other was.
    pub(super) guarded: Vec<ContactId>,
    /// Contacts that had been merged into the other before.
    pub(super) merged_before: Vec<ContactId>,
    /// The status of the other one.
    pub(super) from_status: crate::people::ContactStatus,
    /// The phones of the one that stays, as they were.
    pub(super) phones_before: Vec<Phone>,
    /// And as they are now.
    pub(super) phones_after: Vec<Phone>,
    /// The values of the one that stays, of those fields that were changed.
    pub(super) fields_before: Map<String, Value>,
    /// What they were changed to, so that a later change of them can be told.
    pub(super) fields_after: Map<String, Value>,
    /// How things of other domains stood.
    pub(super) stood: AlsoStood,
    /// Rows of other domains.
    #[serde(flatten)]
    pub(super) elsewhere: AlsoMoved,
}

/// How the one that stays changes.
pub(super) struct Combined {
    pub(super) change: ChangedContact,
    pub(super) phones: PhoneList,
    pub(super) fields_before: Map<String, Value>,
    pub(super) fields_after: Map<String, Value>,
}

/// The value to keep, where it is not the one that stays' already.
fn chosen<T: PartialEq + Clone>(into: &Option<T>, from: &Option<T>, side: Option<MergeSide>) -> Option<Option<T>> {
    let kept = match (into, from) {
        (Some(_), Some(_)) if side == Some(MergeSide::From) => from,
        (None, Some(_)) => from,
        _ => into,
    };
    (kept != into).then(|| kept.clone())
}

impl Combined {
    /// What becomes of the pair.
    pub(super) fn of(pair: &Pair, keep: &KeepChoices) -> Self {
        let (into, from) = (&pair.into.columns, &pair.from.columns);
        let mut change = ChangedContact::keeping(into.status);
        change.name = (keep.name == Some(MergeSide::From) && from.name != into.name).then(|| from.name.clone());
        change.kind = kind(into.kind, from.kind, keep.kind);
        change.social_name = chosen(&into.social_name, &from.social_name, keep.social_name);
        change.email = chosen(&into.email, &from.email, keep.email);
        change.birth_date = chosen(&into.birth_date, &from.birth_date, keep.birth_date);
        change.sex = chosen(&into.sex, &from.sex, keep.sex);
        change.cpf = chosen(&into.cpf, &from.cpf, keep.tax_id);
        change.cns = chosen(&into.cns, &from.cns, keep.national_health_id);
        change.address = chosen(&into.address, &from.address, keep.address);
        change.insurer = chosen(&into.insurer, &from.insurer, keep.insurer);
        change.insurance_card_number = chosen(
            &into.insurance_card_number,
            &from.insurance_card_number,
            keep.insurance_card_number,
        );
        change.source = chosen(&into.source, &from.source, keep.source);
        if let Some(guardian) = chosen(&guardian(into, from.id), &guardian(from, into.id), keep.guardian) {
            let (guardian_id, guardian_name) = Guardian::columns(guardian.as_ref());
            (change.guardian_id, change.guardian_name) = (Some(guardian_id), Some(guardian_name));
        }
        // Nobody becomes their own guardian.
        if into.guardian_id == Some(from.id) && change.guardian_id.is_none() {
            change.guardian_id = Some(None);
        }
        let mut tags = into.tags.clone();
        tags.extend(from.tags.iter().filter(|tag| !into.tags.contains(tag)).cloned());
        change.tags = (tags != into.tags).then_some(tags);
        let (first, second) = match keep.custom_fields {
            Some(MergeSide::From) => (&from.custom_fields, &into.custom_fields),
            _ => (&into.custom_fields, &from.custom_fields),
        };
        let custom_fields = first.clone().filled_from(second.clone());
        change.custom_fields = (custom_fields != into.custom_fields).then_some(custom_fields);
        let (fields_before, fields_after) = fields_changed(into, &change);
        Self {
            change,
            phones: phones(pair, keep.phone),
            fields_before,
            fields_after,
        }
    }
}

/// A patient stays a patient, unless told otherwise.
fn kind(into: ContactKind, from: ContactKind, side: Option<MergeSide>) -> Option<ContactKind> {
    let kept = match side {
        Some(MergeSide::From) => from,
        Some(MergeSide::Into) => into,
        None if from == ContactKind::Patient => from,
        None => into,
    };
    (kept != into).then_some(kept)
}

/// Who answers for a person, unless it is `other`, whom they are found to be.
fn guardian(columns: &ContactColumns, other: ContactId) -> Option<Guardian> {
    match (columns.guardian_id, &columns.guardian_name) {
        (Some(id), _) if id != other => Some(Guardian::Contact(id)),
        (None, Some(name)) => Some(Guardian::Named(name.clone())),
        _ => None,
    }
}

/// The phones of both, as many as fit; the primary one is chosen.
fn phones(pair: &Pair, side: Option<MergeSide>) -> PhoneList {
    let (first, second) = match side {
        Some(MergeSide::From) if !pair.from.phones.is_empty() => (&pair.from, &pair.into),
        _ => (&pair.into, &pair.from),
    };
    let mut phones = first.phones.clone();
    for phone in second.phones.iter() {
        let _is_new = phones.add(phone.clone());
    }
    phones
}

/// What the fields are that `change` changes, and what it makes of them.
fn fields_changed(into: &ContactColumns, change: &ChangedContact) -> (Map<String, Value>, Map<String, Value>) {
    let (mut before, mut after) = (Map::new(), Map::new());
    macro_rules! note {
        ($($field:ident),+ $(,)?) => {$(
            if let Some(value) = &change.$field {
                // Values that came from the database as JSON-able types always are.
                before.insert(stringify!($field).to_owned(), serde_json::to_value(&into.$field).unwrap_or_default());
                after.insert(stringify!($field).to_owned(), serde_json::to_value(value).unwrap_or_default());
            }
        )+};
    }
    note!(
        name,
        kind,
        social_name,
        email,
        birth_date,
        sex,
        cpf,
        cns,
        address,
        insurer,
        insurance_card_number,
        source,
        guardian_id,
        guardian_name,
        tags,
        custom_fields,
    );
    (before, after)
}
