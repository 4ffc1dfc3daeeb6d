//! Every line of SQL about consents.

use db::schema::{contact_consents, contacts};
use db::{DbError, TenantRead, TenantTx};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::text::Label;
use kernel::{Actor, ClinicId, ContactConsentId, ContactId, Timestamp, UserId};
use rest::Paging;
use serde::{Deserialize, Serialize};

use super::model::{Consent, NewConsent, Purpose};

#[derive(diesel::Insertable)]
#[diesel(table_name = contact_consents, treat_none_as_default_value = false)]
struct ConsentRow<'c> {
    clinic_id: ClinicId,
    contact_id: ContactId,
    id: ContactConsentId,
    purpose: &'c Purpose,
    granted: Option<bool>,
    origin: &'c Label,
    recorded_at: Timestamp,
    recorded_by: Option<UserId>,
}

/// Keeps answers of one person; gives them with their time.
pub(crate) async fn insert(
    tx: &TenantTx<'_>,
    contact: ContactId,
    consents: &[NewConsent],
) -> Result<Vec<Consent>, DbError> {
    if consents.is_empty() {
        return Ok(Vec::new());
    }
    let recorded_by = match tx.actor() {
        Actor::User { user, .. } => Some(user),
        Actor::ApiKey { .. } | Actor::System { .. } => None,
    };
    let rows: Vec<_> = consents
        .iter()
        .map(|consent| ConsentRow {
            clinic_id: tx.clinic(),
            contact_id: contact,
            id: ContactConsentId::new_at(tx.now()),
            purpose: &consent.purpose,
            granted: consent.granted,
            origin: &consent.origin,
            recorded_at: tx.now(),
            recorded_by,
        })
        .collect();
    diesel::insert_into(contact_consents::table)
        .values(rows)
        .execute(&mut tx.conn())
        .await?;
    let given = |consent: &NewConsent| Consent {
        purpose: consent.purpose.clone(),
        granted: consent.granted,
        origin: consent.origin.clone(),
        recorded_at: tx.now(),
    };
    Ok(consents.iter().map(given).collect())
}

/// The newest answer of a person about one purpose.
pub(crate) async fn newest(
    tx: &TenantRead<'_>,
    contact: ContactId,
    purpose: &Purpose,
) -> Result<Option<Consent>, DbError> {
    let found = contact_consents::table
        .filter(contact_consents::clinic_id.eq(tx.clinic()))
        .filter(contact_consents::contact_id.eq(contact))
        .filter(contact_consents::purpose.eq(purpose))
        .order((contact_consents::recorded_at.desc(), contact_consents::id.desc()))
        .select((
            contact_consents::purpose,
            contact_consents::granted,
            contact_consents::origin,
            contact_consents::recorded_at,
        ))
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(found)
}

/// Whether the person exists, and whom they turned out to be.
pub(crate) async fn whereabouts(tx: &TenantRead<'_>, contact: ContactId) -> Result<Option<Option<ContactId>>, DbError> {
    let found = contacts::table
        .filter(contacts::clinic_id.eq(tx.clinic()))
        .filter(contacts::id.eq(contact))
        .select(contacts::merged_into_id)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(found)
}

/// Where a page of a person's answers ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct ConsentPosition {
    recorded_at: Timestamp,
    id: ContactConsentId,
}

/// An answer with its id.
pub(crate) type IdentifiedConsent = (ContactConsentId, Consent);

impl ConsentPosition {
    pub(crate) fn of((id, consent): &IdentifiedConsent) -> Self {
        Self {
            recorded_at: consent.recorded_at,
            id: *id,
        }
    }
}

/// Every answer of a person, the newest first.
pub(crate) async fn history(
    tx: &TenantRead<'_>,
    contact: ContactId,
    since: Option<Timestamp>,
    paging: &Paging<ConsentPosition>,
) -> Result<Vec<IdentifiedConsent>, DbError> {
    let mut query = contact_consents::table
        .filter(contact_consents::clinic_id.eq(tx.clinic()))
        .filter(contact_consents::contact_id.eq(contact))
        .order((contact_consents::recorded_at.desc(), contact_consents::id.desc()))
        .limit(paging.fetch())
        .select((
            contact_consents::id,
            (
                contact_consents::purpose,
                contact_consents::granted,
                contact_consents::origin,
                contact_consents::recorded_at,
            ),
        ))
        .into_boxed::<Pg>();
    if let Some(since) = since {
        query = query.filter(contact_consents::recorded_at.ge(since));
    }
    if let Some(after) = paging.after() {
        query = query
            .filter(contact_consents::recorded_at.le(after.recorded_at))
            .filter(
                contact_consents::recorded_at
                    .lt(after.recorded_at)
                    .or(contact_consents::id.lt(after.id)),
            );
    }
    Ok(query.load(&mut tx.conn()).await?)
}
