//! Every line of SQL about exports.

use db::schema::contacts;
use db::{DbError, TenantRead};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::ContactId;

use crate::people::Contact;
use crate::people::model::ContactColumns;
use crate::people::store::{ContactRow, consents_of_contact, phones_of_contact, whole};

/// How many people are read at a time.
pub(super) const AT_ONCE: i64 = 500;

/// The unarchived people after `after`, in the order of ids.
pub(super) async fn part(tx: &TenantRead<'_>, after: Option<ContactId>) -> Result<Vec<Contact>, DbError> {
    let mut query = contacts::table
        .filter(contacts::clinic_id.eq(tx.clinic()))
        .filter(contacts::archived_at.is_null())
        .order(contacts::id)
        .limit(AT_ONCE)
        .select((ContactColumns::as_select(), phones_of_contact(), consents_of_contact()))
        .into_boxed::<Pg>();
    if let Some(after) = after {
        query = query.filter(contacts::id.gt(after));
    }
    let rows: Vec<ContactRow> = query.load(&mut tx.conn()).await?;
    Ok(rows.into_iter().map(whole).collect())
}
