//! Taking back a person whom an import made.

use db::schema::{contact_consents, contacts};
use db::{DbError, QueryResultExt, TenantTx};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ContactId, Version};
use tabular::TakenBack;

use crate::people::{ContactError, ContactStatus, service, store};

/// The version of a row that nobody has written since it was made.
const UNTOUCHED: Version = Version::new(1);

/// Archives a person whom an import made, unless somebody has changed them or built on them since. Whether other domains hold
/// something of theirs is for those to say, before.
///
/// # Errors
/// The database's failure.
pub async fn take_back(tx: &mut TenantTx<'_>, id: ContactId) -> Result<TakenBack, DbError> {
    let Some(contact) = store::lock(tx, id).await? else {
        return Ok(TakenBack::Gone);
    };
    if contact.columns.status == ContactStatus::Archived && contact.columns.merged_into_id.is_none() {
        return Ok(TakenBack::Gone);
    }
    if contact.columns.version != UNTOUCHED {
        return Ok(TakenBack::Changed);
    }
    if is_built_on(tx, id).await? {
        return Ok(TakenBack::InUse);
    }
    match service::archive(tx, id, Some(UNTOUCHED)).await {
        Ok(_) => Ok(TakenBack::Removed),
        Err(ContactError::Database(error)) => Err(error),
        // Locked above, so that nothing else comes in between.
        Err(_) => Ok(TakenBack::Changed),
    }
}

/// Whether somebody's guardian is this person, or an answer about a purpose was kept.
async fn is_built_on(tx: &TenantTx<'_>, id: ContactId) -> Result<bool, DbError> {
    let guarded = contacts::table
        .filter(contacts::clinic_id.eq(tx.clinic()))
        .filter(contacts::guardian_id.eq(id));
    let answers = contact_consents::table
        .filter(contact_consents::clinic_id.eq(tx.clinic()))
        .filter(contact_consents::contact_id.eq(id));
    diesel::select(exists(guarded).or(exists(answers)))
        .get_result(&mut tx.conn())
        .await
        .or_database()
}
