//! Every line of SQL about one person; lists are in `list`.

use db::schema::{contact_consents, contact_phones, contacts};
use db::{DbError, QueryResultExt, TenantRead, TenantTx};
use diesel::dsl::{array, auto_type};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Record, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use futures_util::TryFutureExt as _;
use kernel::documents::{Cns, Cpf};
use kernel::email::EmailAddress;
use kernel::text::{Label, PersonName};
use kernel::{ClinicId, ContactId, Timestamp};

use super::address::Address;
use super::custom_fields::CustomFields;
use super::error::ContactError;
use super::model::{Contact, ContactColumns, ContactKind, ContactStatus, Guardian, NewContact, Sex};
use super::phones::{PhoneList, PhoneUse};
use crate::consents::store as consents;
use crate::consents::{Consent, NewestConsents};

/// A phone: number, kind, primary.
pub(crate) type PhoneRecord = Record<(Text, Text, Bool)>;
/// A consent: purpose, granted, origin, recorded at.
pub(crate) type ConsentRecord = Record<(Text, Nullable<Bool>, Text, Timestamptz)>;

/// The phones of the person whose row a query stands on, as one column, so that any number of people costs one statement.
pub(crate) fn phones_of_contact() -> array<PhoneRecord, phones> {
    array(phones())
}

#[auto_type]
fn phones() -> _ {
    contact_phones::table
        .filter(contact_phones::clinic_id.eq(contacts::clinic_id))
        .filter(contact_phones::contact_id.eq(contacts::id))
        .order(contact_phones::position)
        .select((contact_phones::number, contact_phones::kind, contact_phones::is_primary).into_sql::<PhoneRecord>())
}

/// The newest consent per purpose of the person whose row a query stands on, as one column.
pub(crate) fn consents_of_contact() -> array<ConsentRecord, newest_consents> {
    array(newest_consents())
}

#[auto_type]
fn newest_consents() -> _ {
    contact_consents::table
        .filter(contact_consents::clinic_id.eq(contacts::clinic_id))
        .filter(contact_consents::contact_id.eq(contacts::id))
        .distinct_on(contact_consents::purpose)
        .order((
            contact_consents::purpose,
            contact_consents::recorded_at.desc(),
            contact_consents::id.desc(),
        ))
        .select(
            (
                contact_consents::purpose,
                contact_consents::granted,
                contact_consents::origin,
                contact_consents::recorded_at,
            )
                .into_sql::<ConsentRecord>(),
        )
}

/// A person, whole, as one row.
pub(crate) type ContactRow = (ContactColumns, PhoneList, NewestConsents);

pub(crate) fn whole((columns, phones, NewestConsents(consents)): ContactRow) -> Contact {
    Contact {
        columns,
        phones,
        consents,
    }
}

/// The person with this id, archived and merged ones too.
pub(crate) async fn find(tx: &TenantRead<'_>, id: ContactId) -> Result<Option<Contact>, DbError> {
    let row = contacts::table
        .filter(contacts::clinic_id.eq(tx.clinic()))
        .filter(contacts::id.eq(id))
        .select((ContactColumns::as_select(), phones_of_contact(), consents_of_contact()))
        .first::<ContactRow>(&mut tx.conn())
        .await
        .optional()?;
    Ok(row.map(whole))
}

/// As [`find`], the row locked until the transaction ends.
///
/// Two statements, sent together: one that waits for a lock reads the locked row anew, but not the phones beside it.
pub(crate) async fn lock(tx: &TenantTx<'_>, id: ContactId) -> Result<Option<Contact>, DbError> {
    let mut connection = tx.conn();
    let locked = contacts::table
        .filter(contacts::clinic_id.eq(tx.clinic()))
        .filter(contacts::id.eq(id))
        .select(contacts::id)
        .for_no_key_update()
        .execute(&mut connection)
        .map_err(DbError::from);
    let (_rows, contact) = futures_util::try_join!(locked, find(tx, id))?;
    Ok(contact)
}

/// The unarchived person with this CPF.
pub(crate) async fn id_by_cpf(tx: &TenantRead<'_>, cpf: &Cpf) -> Result<Option<ContactId>, DbError> {
    let id = contacts::table
        .filter(contacts::clinic_id.eq(tx.clinic()))
        .filter(contacts::cpf.eq(cpf))
        .filter(contacts::archived_at.is_null())
        .select(contacts::id)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(id)
}

#[derive(diesel::Insertable)]
#[diesel(table_name = contacts, treat_none_as_default_value = false)]
struct InsertedContact<'c> {
    clinic_id: ClinicId,
    id: ContactId,
    kind: ContactKind,
    status: ContactStatus,
    name: &'c PersonName,
    social_name: Option<&'c PersonName>,
    birth_date: Option<chrono::NaiveDate>,
    sex: Option<Sex>,
    cpf: Option<&'c Cpf>,
    cns: Option<&'c Cns>,
    email: Option<&'c EmailAddress>,
    address: Option<&'c Address>,
    tags: &'c [Label],
    custom_fields: &'c CustomFields,
    guardian_id: Option<ContactId>,
    guardian_name: Option<PersonName>,
    insurer: Option<&'c str>,
    insurance_card_number: Option<&'c str>,
    source: Option<&'c str>,
}

impl<'c> InsertedContact<'c> {
    fn of(clinic: ClinicId, id: ContactId, contact: &'c NewContact) -> Self {
        let (guardian_id, guardian_name) = Guardian::columns(contact.guardian.as_ref());
        Self {
            clinic_id: clinic,
            id,
            kind: contact.kind,
            status: if contact.is_active {
                ContactStatus::Active
            } else {
                ContactStatus::Inactive
            },
            name: &contact.name,
            social_name: contact.social_name.as_ref(),
            birth_date: contact.birth_date,
            sex: contact.sex,
            cpf: contact.cpf.as_ref(),
            cns: contact.cns.as_ref(),
            email: contact.email.as_ref(),
            address: contact.address.as_ref(),
            tags: &contact.tags,
            custom_fields: &contact.custom_fields,
            guardian_id,
            guardian_name,
            insurer: contact.insurer.as_deref(),
            insurance_card_number: contact.insurance_card_number.as_deref(),
            source: contact.source.as_deref(),
        }
    }
}

/// Inserts a person with phones and consents.
///
/// A CPF that is taken must not end the transaction, since the answer names who has it: so the conflict makes the insert do
/// nothing, rather than fail.
pub(crate) async fn insert(tx: &TenantTx<'_>, id: ContactId, contact: &NewContact) -> Result<Contact, ContactError> {
    let columns: Option<ContactColumns> = diesel::insert_into(contacts::table)
        .values(InsertedContact::of(tx.clinic(), id, contact))
        .on_conflict((contacts::clinic_id, contacts::cpf))
        .filter_target(contacts::archived_at.is_null().and(contacts::cpf.is_not_null()))
        .do_nothing()
        .returning(ContactColumns::as_returning())
        .get_result(&mut tx.conn())
        .await
        .optional()
        .on_constraint("contacts_pkey", || ContactError::IdTaken)
        .on_constraint("contacts_clinic_id_guardian_id_fkey", || ContactError::UnknownGuardian)
        .on_constraint("contacts_guardian_not_merged", || ContactError::MergedGuardian)
        .or_database()?;
    let Some(columns) = columns else {
        let contact = match &contact.cpf {
            Some(cpf) => id_by_cpf(tx, cpf).await?,
            None => None,
        };
        return Err(ContactError::Exists { contact });
    };
    let (_, consents) = futures_util::try_join!(
        insert_phones(tx, id, &contact.phones),
        consents::insert(tx, id, &contact.consents)
    )?;
    let consents = in_order_of_purpose(consents);
    Ok(Contact {
        columns,
        phones: contact.phones.clone(),
        consents,
    })
}

/// As the database gives them.
fn in_order_of_purpose(mut consents: Vec<Consent>) -> Vec<Consent> {
    consents.sort_by(|one, other| one.purpose.cmp(&other.purpose));
    consents
}

#[derive(diesel::Insertable)]
#[diesel(table_name = contact_phones, treat_none_as_default_value = false)]
struct InsertedPhone<'p> {
    clinic_id: ClinicId,
    contact_id: ContactId,
    position: i16,
    number: &'p kernel::phone::PhoneNumber,
    match_key: String,
    kind: PhoneUse,
    is_primary: bool,
}

async fn insert_phones(tx: &TenantTx<'_>, contact: ContactId, phones: &PhoneList) -> Result<(), DbError> {
    if phones.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = (0_i16..)
        .zip(phones.iter())
        .map(|(position, phone)| InsertedPhone {
            clinic_id: tx.clinic(),
            contact_id: contact,
            position,
            number: &phone.number,
            match_key: phone.number.match_key(),
            kind: phone.kind,
            is_primary: phone.primary,
        })
        .collect();
    diesel::insert_into(contact_phones::table)
        .values(rows)
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Puts `phones` in the place of a person's phones.
pub(crate) async fn replace_phones(tx: &TenantTx<'_>, contact: ContactId, phones: &PhoneList) -> Result<(), DbError> {
    diesel::delete(
        contact_phones::table
            .filter(contact_phones::clinic_id.eq(tx.clinic()))
            .filter(contact_phones::contact_id.eq(contact)),
    )
    .execute(&mut tx.conn())
    .await?;
    insert_phones(tx, contact, phones).await
}

/// What becomes of a person's row; `None` keeps, `Some(None)` clears. The status is always written, so that a change of what
/// lies in other tables counts the version up too.
#[derive(Debug, Clone, diesel::AsChangeset)]
#[diesel(table_name = contacts)]
pub(crate) struct ChangedContact {
    pub(crate) status: ContactStatus,
    pub(crate) archived_at: Option<Option<Timestamp>>,
    pub(crate) merged_into_id: Option<Option<ContactId>>,
    pub(crate) kind: Option<ContactKind>,
    pub(crate) name: Option<PersonName>,
    pub(crate) social_name: Option<Option<PersonName>>,
    pub(crate) birth_date: Option<Option<chrono::NaiveDate>>,
    pub(crate) sex: Option<Option<Sex>>,
    pub(crate) cpf: Option<Option<Cpf>>,
    pub(crate) cns: Option<Option<Cns>>,
    pub(crate) email: Option<Option<EmailAddress>>,
    pub(crate) address: Option<Option<Address>>,
    pub(crate) tags: Option<Vec<Label>>,
    pub(crate) custom_fields: Option<CustomFields>,
    pub(crate) guardian_id: Option<Option<ContactId>>,
    pub(crate) guardian_name: Option<Option<PersonName>>,
    pub(crate) insurer: Option<Option<String>>,
    pub(crate) insurance_card_number: Option<Option<String>>,
    pub(crate) source: Option<Option<String>>,
}

impl ChangedContact {
    /// No change, at `status`.
    pub(crate) const fn keeping(status: ContactStatus) -> Self {
        Self {
            status,
            archived_at: None,
            merged_into_id: None,
            kind: None,
            name: None,
            social_name: None,
            birth_date: None,
            sex: None,
            cpf: None,
            cns: None,
            email: None,
            address: None,
            tags: None,
            custom_fields: None,
            guardian_id: None,
            guardian_name: None,
            insurer: None,
            insurance_card_number: None,
            source: None,
        }
    }
}

/// Writes a person's row, which the transaction has locked.
pub(crate) async fn update(
    tx: &TenantTx<'_>,
    id: ContactId,
    change: ChangedContact,
) -> Result<ContactColumns, ContactError> {
    diesel::update(
        contacts::table
            .filter(contacts::clinic_id.eq(tx.clinic()))
            .filter(contacts::id.eq(id)),
    )
    .set(change)
    .returning(ContactColumns::as_returning())
    .get_result::<ContactColumns>(&mut tx.conn())
    .await
    .on_constraint("contacts_cpf_once", || ContactError::Exists { contact: None })
    .on_constraint("contacts_clinic_id_guardian_id_fkey", || ContactError::UnknownGuardian)
    .on_constraint("contacts_guardian_not_merged", || ContactError::MergedGuardian)
    .or_database()
}

/// A query over people that conditions are still added to.
pub(crate) type People<'q> = contacts::BoxedQuery<'q, Pg>;
