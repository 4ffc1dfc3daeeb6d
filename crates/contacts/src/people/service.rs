//! The rules of people, callable from HTTP, jobs, the command line and tests alike.

use db::{AuditRecord, TenantRead, TenantTx};
use kernel::documents::Cpf;
use kernel::{ContactId, FieldErrors, Version};
use rest::Patch;
use serde_json::json;

use super::error::ContactError;
use super::model::{Contact, ContactChanges, ContactColumns, ContactStatus, Guardian, NewContact};
use super::phones::PhoneList;
use super::store::{self, ChangedContact};
use crate::events::{self, ContactEvent};
use crate::tags;

/// Makes a person.
///
/// # Errors
/// [`ContactError::Exists`] when another person of the clinic has the CPF, [`ContactError::IdTaken`],
/// [`ContactError::UnknownGuardian`].
pub async fn create(tx: &mut TenantTx<'_>, contact: &NewContact) -> Result<Contact, ContactError> {
    let id = contact.id.unwrap_or_else(|| ContactId::new_at(tx.now()));
    let made = store::insert(tx, id, contact).await?;
    tx.audit(AuditRecord::new("contacts.create", "contact", id.as_uuid()));
    tx.emit(events::CREATED, &ContactEvent::of(&made));
    tx.touch(tags::contact(id));
    tx.touch(tags::contacts());
    Ok(made)
}

/// Shows a person, archived ones too.
///
/// # Errors
/// [`ContactError::NotFound`], or [`ContactError::Merged`] when they turned out to be another.
pub async fn get(tx: &TenantRead<'_>, id: ContactId) -> Result<Contact, ContactError> {
    let contact = store::find(tx, id).await?.ok_or(ContactError::NotFound)?;
    match contact.columns.merged_into_id {
        Some(into) => Err(ContactError::Merged { into }),
        None => Ok(contact),
    }
}

/// Changes a person, if they have the version `expected` where one is. What is set to what it is already is no change, and
/// without any nothing is written.
///
/// # Errors
/// [`ContactError::NotFound`], [`ContactError::Merged`], [`ContactError::VersionMismatch`]; [`ContactError::Exists`] when the
/// CPF is another's, also when an archived person is brought back; [`ContactError::UnknownGuardian`];
/// [`ContactError::Invalid`] for values that do not fit what is there.
pub async fn update(
    tx: &mut TenantTx<'_>,
    id: ContactId,
    changes: ContactChanges,
    expected: Option<Version>,
) -> Result<Contact, ContactError> {
    let contact = lock(tx, id, expected).await?;
    let plan = Plan::of(&contact, changes, tx.now())?;
    carry_out(tx, contact, plan, "contacts.update").await
}

/// Archives a person; one who is archived already stays so.
///
/// # Errors
/// [`ContactError::NotFound`], [`ContactError::Merged`], [`ContactError::VersionMismatch`].
pub async fn archive(tx: &mut TenantTx<'_>, id: ContactId, expected: Option<Version>) -> Result<Contact, ContactError> {
    let contact = lock(tx, id, expected).await?;
    let changes = ContactChanges {
        status: Some(ContactStatus::Archived),
        ..ContactChanges::default()
    };
    let plan = Plan::of(&contact, changes, tx.now())?;
    carry_out(tx, contact, plan, "contacts.archive").await
}

/// The person, locked, if they are there, themselves, and at the version `expected`.
async fn lock(tx: &TenantTx<'_>, id: ContactId, expected: Option<Version>) -> Result<Contact, ContactError> {
    let contact = store::lock(tx, id).await?.ok_or(ContactError::NotFound)?;
    if let Some(into) = contact.columns.merged_into_id {
        return Err(ContactError::Merged { into });
    }
    if expected.is_some_and(|expected| expected != contact.columns.version) {
        return Err(ContactError::VersionMismatch);
    }
    Ok(contact)
}

/// What is to be written.
struct Plan {
    change: ChangedContact,
    phones: Option<PhoneList>,
    changed: Vec<&'static str>,
    /// The CPF that the person will hold, where they did not hold it before.
    claims: Option<Cpf>,
}

impl Plan {
    /// What `changes` make of `contact` at `now`.
    fn of(contact: &Contact, changes: ContactChanges, now: kernel::Timestamp) -> Result<Self, ContactError> {
        let ContactColumns {
            id,
            status,
            archived_at,
            ..
        } = contact.columns;
        let current = &contact.columns;
        if changes.guardian.as_ref() == Patch::Value(&Guardian::Contact(id)) {
            let message = "nobody is their own guardian";
            return Err(FieldErrors::one("/guardian/contact_id", "own_guardian", message).into());
        }
        let phones = contact.phones.changed(changes.phone, changes.phones)?;
        let mut changed = Vec::new();
        let mut change = ChangedContact::keeping(changes.status.unwrap_or(status));
        if change.status != status {
            changed.push("status");
            let is_archived = change.status == ContactStatus::Archived;
            change.archived_at = (is_archived != archived_at.is_some()).then(|| is_archived.then_some(now));
        }
        let set = &mut changed;
        change.kind = differing("kind", &current.kind, changes.kind, set);
        change.name = differing("name", &current.name, changes.name, set);
        change.tags = differing("tags", &current.tags, changes.tags, set);
        change.custom_fields = differing("custom_fields", &current.custom_fields, changes.custom_fields, set);
        change.social_name = clearable("social_name", &current.social_name, changes.social_name, set);
        change.birth_date = clearable("birth_date", &current.birth_date, changes.birth_date, set);
        change.sex = clearable("sex", &current.sex, changes.sex, set);
        change.cpf = clearable("tax_id", &current.cpf, changes.cpf, set);
        change.cns = clearable("national_health_id", &current.cns, changes.cns, set);
        change.email = clearable("email", &current.email, changes.email, set);
        change.address = clearable("address", &current.address, changes.address, set);
        change.insurer = clearable("insurer", &current.insurer, changes.insurer, set);
        change.insurance_card_number = clearable(
            "insurance_card_number",
            &current.insurance_card_number,
            changes.insurance_card_number,
            set,
        );
        change.source = clearable("source", &current.source, changes.source, set);
        if let Some(guardian) = changes.guardian.into_change() {
            let (guardian_id, guardian_name) = Guardian::columns(guardian.as_ref());
            if (guardian_id, guardian_name.as_ref()) != (current.guardian_id, current.guardian_name.as_ref()) {
                set.push("guardian");
                (change.guardian_id, change.guardian_name) = (Some(guardian_id), Some(guardian_name));
            }
        }
        let phones = (phones != contact.phones).then_some(phones);
        if phones.is_some() {
            set.push("phones");
        }
        let will_be_present = change.status != ContactStatus::Archived;
        let comes_back = will_be_present && archived_at.is_some();
        let cpf = match &change.cpf {
            Some(cpf) => cpf.as_ref(),
            None => current.cpf.as_ref().filter(|_| comes_back),
        };
        let claims = cpf.filter(|_| will_be_present).cloned();
        Ok(Self {
            change,
            phones,
            changed,
            claims,
        })
    }
}

/// The value where it differs from the current one; then `name` is noted.
fn differing<T: PartialEq>(
    name: &'static str,
    current: &T,
    wanted: Option<T>,
    changed: &mut Vec<&'static str>,
) -> Option<T> {
    let wanted = wanted.filter(|wanted| wanted != current)?;
    changed.push(name);
    Some(wanted)
}

/// As [`differing`], for what may be cleared.
fn clearable<T: PartialEq>(
    name: &'static str,
    current: &Option<T>,
    wanted: Patch<T>,
    changed: &mut Vec<&'static str>,
) -> Option<Option<T>> {
    differing(name, current, wanted.into_change(), changed)
}

async fn carry_out(
    tx: &mut TenantTx<'_>,
    contact: Contact,
    plan: Plan,
    action: &'static str,
) -> Result<Contact, ContactError> {
    let Plan {
        change,
        phones,
        changed,
        claims,
    } = plan;
    let id = contact.columns.id;
    if changed.is_empty() {
        // Nothing was written, but somebody was shown.
        tx.audit(AuditRecord::new("contacts.read", "contact", id.as_uuid()));
        return Ok(contact);
    }
    let columns = match claims {
        None => store::update(tx, id, change).await?,
        Some(cpf) => {
            // A CPF that is taken fails the statement, and the answer is to name who has it.
            match tx.savepoint(async |tx| store::update(tx, id, change).await).await {
                Err(ContactError::Exists { .. }) => {
                    return Err(ContactError::Exists {
                        contact: store::id_by_cpf(tx, &cpf).await?,
                    });
                }
                updated => updated?,
            }
        }
    };
    let phones = match phones {
        None => contact.phones,
        Some(phones) => {
            store::replace_phones(tx, id, &phones).await?;
            phones
        }
    };
    tx.audit(AuditRecord::new(action, "contact", id.as_uuid()).with_detail(json!({"changed": changed})));
    tx.touch(tags::contact(id));
    tx.touch(tags::contacts());
    let before = contact.columns.status;
    let contact = Contact {
        columns,
        phones,
        consents: contact.consents,
    };
    tx.emit(
        events::of_change(before, contact.columns.status),
        &ContactEvent::of(&contact),
    );
    Ok(contact)
}
