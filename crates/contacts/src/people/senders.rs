//! People who write to the clinic: found by phone or e-mail address, or noted as leads.

use db::schema::{contact_phones, contacts};
use db::{DbError, TenantRead, TenantTx, named_by};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::ContactId;
use kernel::email::EmailAddress;
use kernel::phone::PhoneNumber;
use kernel::text::PersonName;
use rest::Patch;

use super::custom_fields::CustomFields;
use super::error::ContactError;
use super::model::{Contact, ContactChanges, ContactKind, NewContact};
use super::phones::{Phone, PhoneList, PhoneUse};
use super::{service, store};

/// What is known of somebody who writes for the first time.
#[derive(Debug, Clone)]
pub struct Sender {
    /// What they are called, or what stands for it.
    pub name: PersonName,
    /// Their phone.
    pub phone: Option<PhoneNumber>,
    /// Their e-mail address.
    pub email: Option<EmailAddress>,
    /// How they came to the clinic, such as `whatsapp`.
    pub source: &'static str,
}

/// Notes somebody who writes for the first time as a lead.
///
/// # Errors
/// The database's failure.
pub async fn create_lead(tx: &mut TenantTx<'_>, sender: &Sender) -> Result<Contact, ContactError> {
    let new = NewContact {
        id: None,
        kind: ContactKind::Lead,
        is_active: true,
        name: sender.name.clone(),
        social_name: None,
        birth_date: None,
        sex: None,
        cpf: None,
        cns: None,
        email: sender.email.clone(),
        phones: sender.phone.clone().map(PhoneList::of).unwrap_or_default(),
        address: None,
        tags: Vec::new(),
        custom_fields: CustomFields::default(),
        guardian: None,
        insurer: None,
        insurance_card_number: None,
        source: Some(sender.source.to_owned()),
        consents: Vec::new(),
    };
    service::create(tx, &new).await
}

/// Whose phone `number` is, the ninth digit aside. Of several, such as a mother and her children, one is always the same: whose
/// primary number it is before others, patients before leads, and whoever was noted first.
///
/// # Errors
/// The database's failure.
pub async fn by_phone(tx: &TenantRead<'_>, number: &PhoneNumber) -> Result<Option<ContactId>, DbError> {
    let found = contact_phones::table
        .inner_join(named_by!(contacts, contact_phones::contact_id))
        .filter(contact_phones::clinic_id.eq(tx.clinic()))
        .filter(contact_phones::match_key.eq(number.match_key()))
        .filter(contacts::archived_at.is_null())
        .order((
            contact_phones::is_primary.desc(),
            contacts::kind.desc(),
            contacts::created_at,
            contacts::id,
        ))
        .select(contacts::id)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(found)
}

/// Whose e-mail address it is; of several, one is always the same.
///
/// # Errors
/// The database's failure.
pub async fn by_email(tx: &TenantRead<'_>, email: &EmailAddress) -> Result<Option<ContactId>, DbError> {
    let found = contacts::table
        .filter(contacts::clinic_id.eq(tx.clinic()))
        .filter(contacts::email.eq(email))
        .filter(contacts::archived_at.is_null())
        .order((contacts::kind.desc(), contacts::created_at, contacts::id))
        .select(contacts::id)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(found)
}

/// Who `id` is by now, kept from being merged into another until the transaction ends; and whether they are a lead. `None` when
/// there is no such contact.
///
/// # Errors
/// The database's failure.
pub async fn present(tx: &TenantTx<'_>, id: ContactId) -> Result<Option<(ContactId, ContactKind)>, DbError> {
    /// A redirect leads to one who stays; another may have come since.
    const MOST_STEPS: usize = 8;
    let mut id = id;
    for _ in 0..MOST_STEPS {
        let row: Option<(ContactKind, Option<ContactId>)> = contacts::table
            .filter(contacts::clinic_id.eq(tx.clinic()))
            .filter(contacts::id.eq(id))
            .select((contacts::kind, contacts::merged_into_id))
            .for_key_share()
            .first(&mut tx.conn())
            .await
            .optional()?;
        match row {
            Some((_, Some(into))) => id = into,
            Some((kind, None)) => return Ok(Some((id, kind))),
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Notes that `number` is a phone of the contact too, where it is not known yet and there is room.
///
/// # Errors
/// [`ContactError::NotFound`], [`ContactError::Merged`].
pub async fn learn_phone(tx: &mut TenantTx<'_>, id: ContactId, number: &PhoneNumber) -> Result<(), ContactError> {
    let contact = store::lock(tx, id).await?.ok_or(ContactError::NotFound)?;
    let mut phones = contact.phones.clone();
    let is_new = phones.add(Phone {
        number: number.clone(),
        kind: PhoneUse::of(number),
        primary: false,
    });
    if is_new {
        let changes = ContactChanges {
            phones: Patch::Value(phones),
            ..ContactChanges::default()
        };
        service::update(tx, id, changes, None).await?;
    }
    Ok(())
}
