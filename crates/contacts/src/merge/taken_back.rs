//! What undoing a merge makes of the contact that stays: pure.

use std::collections::BTreeMap;

use kernel::text::Label;
use kernel::{ContactConsentId, ContactId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::people::phones::{Phone, PhoneList};
use crate::people::store::ChangedContact;
use crate::people::{Contact, ContactStatus};

/// What a merge moved and changed, as it was written down.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Recorded {
    pub(super) consents: Vec<ContactConsentId>,
    pub(super) guarded: Vec<ContactId>,
    pub(super) merged_before: Vec<ContactId>,
    pub(super) from_status: ContactStatus,
    phones_before: Vec<Phone>,
    /// Merges did not write down at first what they changed values to; those cannot be undone.
    phones_after: Option<Vec<Phone>>,
    fields_before: Map<String, Value>,
    fields_after: Option<Map<String, Value>>,
    /// How things of other domains stood, by kind; earlier merges did not write that down.
    #[serde(default)]
    pub(super) stood: BTreeMap<String, Value>,
    /// Rows of other domains, by kind.
    #[serde(flatten)]
    pub(super) elsewhere: BTreeMap<String, Vec<Uuid>>,
}

impl Recorded {
    /// Whether everything was written down that undoing needs.
    pub(super) const fn is_whole(&self) -> bool {
        self.phones_after.is_some() && self.fields_after.is_some()
    }

    /// How many rows of each kind were moved.
    pub(super) fn counts(&self) -> BTreeMap<String, usize> {
        let own = [("consents", self.consents.len()), ("guarded", self.guarded.len())];
        let own = own.into_iter().map(|(kind, count)| (kind.to_owned(), count));
        self.elsewhere
            .iter()
            .map(|(kind, rows)| (kind.clone(), rows.len()))
            .chain(own)
            .collect()
    }

    /// The names, as the API has them, of the fields that were changed.
    pub(super) fn changed(&self) -> Vec<String> {
        let mut names: Vec<String> = self.fields_before.keys().map(|column| api_name(column)).collect();
        if self
            .phones_after
            .as_ref()
            .is_some_and(|after| *after != self.phones_before)
        {
            names.push("phones".to_owned());
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// What the API calls the field of a column.
fn api_name(column: &str) -> String {
    match column {
        "cpf" => "tax_id",
        "cns" => "national_health_id",
        "guardian_id" | "guardian_name" => "guardian",
        other => other,
    }
    .to_owned()
}

/// How the contact that stays changes when a merge is undone.
pub(super) struct TakenBack {
    pub(super) change: ChangedContact,
    /// Its phones, where they change.
    pub(super) phones: Option<PhoneList>,
    /// The fields, as the API names them, that had been changed since and are not put back, or not wholly.
    pub(super) kept: Vec<String>,
}

impl TakenBack {
    /// What becomes of `survivor`: each field that the merge changed is as it was before, unless it was changed since.
    pub(super) fn of(survivor: &Contact, recorded: &Recorded) -> Self {
        let columns = &survivor.columns;
        let mut taken_back = Self {
            change: ChangedContact::keeping(columns.status),
            phones: None,
            kept: Vec::new(),
        };
        let Some(after) = &recorded.fields_after else {
            return taken_back;
        };
        let before = &recorded.fields_before;
        let change = &mut taken_back.change;
        let kept = &mut taken_back.kept;
        macro_rules! put_back {
            ($($field:ident),+ $(,)?) => {$(
                if let Some(value) = before.get(stringify!($field)) {
                    let is_untouched = serde_json::to_value(&columns.$field).ok().as_ref() == after.get(stringify!($field));
                    change.$field = is_untouched.then(|| parsed(value)).flatten();
                    if change.$field.is_none() {
                        kept.push(api_name(stringify!($field)));
                    }
                }
            )+};
        }
        put_back!(
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
        );
        // A guardian is one or the other: both columns are put back, or none.
        if kept.iter().any(|name| name == "guardian") {
            (change.guardian_id, change.guardian_name) = (None, None);
        }
        if let (Some(before), Some(after)) = (labels(before), labels(after)) {
            change.tags = Some(if columns.tags == after {
                before
            } else {
                kept.push("tags".to_owned());
                let was_added = |tag: &Label| after.contains(tag) && !before.contains(tag);
                columns.tags.iter().filter(|tag| !was_added(tag)).cloned().collect()
            });
        }
        if let (Some(Value::Object(before)), Some(Value::Object(after))) =
            (before.get("custom_fields"), after.get("custom_fields"))
        {
            let (fields, changed_since) = columns.custom_fields.taken_back(before, after);
            change.custom_fields = Some(fields);
            kept.extend(changed_since.into_iter().map(|name| format!("custom_fields.{name}")));
        }
        kept.dedup();
        taken_back.put_phones_back(survivor, recorded);
        taken_back
    }

    fn put_phones_back(&mut self, survivor: &Contact, recorded: &Recorded) {
        let before = PhoneList::recorded(recorded.phones_before.clone());
        let after = PhoneList::recorded(recorded.phones_after.clone().unwrap_or_default());
        if before == after {
            return;
        }
        self.phones = Some(if survivor.phones == after {
            before
        } else {
            self.kept.push("phones".to_owned());
            survivor.phones.without_added(&before, &after)
        });
    }
}

/// The value as it was, where that is still one of its type.
fn parsed<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

fn labels(fields: &Map<String, Value>) -> Option<Vec<Label>> {
    parsed(fields.get("tags")?)
}
