//! Every line of SQL about duplicates.

use db::schema::functions::{search_form, similarity};
use db::schema::{contact_phones, contacts};
use db::{DbError, TenantRead};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use kernel::ContactId;

use super::likeness::Identity;
use crate::people::Contact;
use crate::people::model::ContactColumns;
use crate::people::store::{ContactRow, consents_of_contact, phones_of_contact, whole};

/// More people than this have nothing in particular in common.
const MOST_CANDIDATES: i64 = 200;

type Condition<'q> = Box<dyn BoxableExpression<contacts::table, Pg, SqlType = Bool> + 'q>;

/// The unarchived people, but `except`, who have something in common with `identity`: each condition has an index of its own.
/// Where they are too many, such as all whose day of birth was entered as the first of January 1900, those with the same
/// document come first, then those with the likest names.
pub(crate) async fn candidates(
    tx: &TenantRead<'_>,
    identity: &Identity,
    except: Option<ContactId>,
) -> Result<Vec<Contact>, DbError> {
    let by_phone = with_phones(tx, &identity.phone_keys).await?;
    let Some(something_in_common) = conditions(identity, &by_phone)
        .into_iter()
        .reduce(|one, other| Box::new(one.or(other)))
    else {
        return Ok(Vec::new());
    };
    let mut query = contacts::table
        .filter(contacts::clinic_id.eq(tx.clinic()))
        .filter(contacts::archived_at.is_null())
        .filter(something_in_common)
        .limit(MOST_CANDIDATES)
        .select((ContactColumns::as_select(), phones_of_contact(), consents_of_contact()))
        .into_boxed::<Pg>();
    if let Some(except) = except {
        query = query.filter(contacts::id.ne(except));
    }
    if let Some(same_document) = same_document(identity) {
        query = query.then_order_by(same_document.desc());
    }
    if let [name, ..] = identity.names.as_slice() {
        let name = search_form(name).nullable();
        query = query.then_order_by(similarity(contacts::search_name.nullable(), name).desc());
    }
    let rows: Vec<ContactRow> = query.load(&mut tx.conn()).await?;
    Ok(rows.into_iter().map(whole).collect())
}

/// Whether a document is the same, where `identity` has one.
fn same_document(identity: &Identity) -> Option<Condition<'_>> {
    let cpf = identity
        .cpf
        .as_ref()
        .map(|cpf| -> Condition<'_> { Box::new(contacts::cpf.is_not_distinct_from(cpf)) });
    let cns = identity
        .cns
        .as_ref()
        .map(|cns| -> Condition<'_> { Box::new(contacts::cns.is_not_distinct_from(cns)) });
    cpf.into_iter().chain(cns).reduce(|one, other| Box::new(one.or(other)))
}

fn conditions<'q>(identity: &'q Identity, by_phone: &'q [ContactId]) -> Vec<Condition<'q>> {
    let mut conditions: Vec<Condition<'q>> = Vec::new();
    if let Some(cpf) = &identity.cpf {
        conditions.push(Box::new(contacts::cpf.eq(cpf).assume_not_null()));
    }
    if let Some(cns) = &identity.cns {
        conditions.push(Box::new(contacts::cns.eq(cns).assume_not_null()));
    }
    if let Some(email) = &identity.email {
        conditions.push(Box::new(contacts::email.eq(email).assume_not_null()));
    }
    if let Some(birth_date) = identity.birth_date {
        conditions.push(Box::new(contacts::birth_date.eq(birth_date).assume_not_null()));
    }
    if !by_phone.is_empty() {
        conditions.push(Box::new(contacts::id.eq_any(by_phone)));
    }
    // The column has the name alone, or the name and the social name behind it.
    for name in identity
        .names
        .iter()
        .cloned()
        .chain([identity.names.join(" ")])
        .filter(|name| !name.is_empty())
    {
        conditions.push(Box::new(contacts::search_name.eq(search_form(name))));
    }
    conditions
}

async fn with_phones(tx: &TenantRead<'_>, keys: &[String]) -> Result<Vec<ContactId>, DbError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let ids = contact_phones::table
        .filter(contact_phones::clinic_id.eq(tx.clinic()))
        .filter(contact_phones::match_key.eq_any(keys))
        .select(contact_phones::contact_id)
        .limit(MOST_CANDIDATES)
        .load(&mut tx.conn())
        .await?;
    Ok(ids)
}
