//! The rules of consents.

use db::{AuditRecord, TenantRead, TenantTx};
use kernel::{ContactId, Timestamp};
use rest::Paging;
use serde_json::json;

use super::model::{Consent, NewConsent};
use super::store::{self, ConsentPosition, IdentifiedConsent};
use crate::events::{self, ConsentEvent};
use crate::people::ContactError;
use crate::tags;

/// Keeps a person's answer about a purpose, whatever was answered before.
///
/// # Errors
/// [`ContactError::NotFound`], or [`ContactError::Merged`] when the person turned out to be another.
pub async fn record(tx: &mut TenantTx<'_>, contact: ContactId, consent: &NewConsent) -> Result<Consent, ContactError> {
    present(tx, contact).await?;
    let kept = store::insert(tx, contact, std::slice::from_ref(consent)).await?;
    tx.audit(
        AuditRecord::new("contacts.consent", "contact", contact.as_uuid())
            .with_detail(json!({"purpose": consent.purpose, "changed": ["consents"]})),
    );
    let told = ConsentEvent {
        contact_id: contact,
        granted: consent.granted,
    };
    tx.emit(events::CONSENT_RECORDED, &told);
    tx.touch(tags::contact(contact));
    tx.touch(tags::contacts());
    kept.into_iter().next().ok_or(ContactError::NotFound)
}

/// As [`record`], but where the newest answer says the same already, that one stands and nothing is written.
///
/// # Errors
/// As [`record`].
pub async fn settle(tx: &mut TenantTx<'_>, contact: ContactId, consent: &NewConsent) -> Result<Consent, ContactError> {
    present(tx, contact).await?;
    match store::newest(tx, contact, &consent.purpose).await? {
        Some(newest) if newest.granted == consent.granted && newest.origin == consent.origin => {
            tx.audit(AuditRecord::new("contacts.consents", "contact", contact.as_uuid()));
            Ok(newest)
        }
        _ => record(tx, contact, consent).await,
    }
}

/// Every answer of a person, of those given at or after `since` where that is given; the newest first.
///
/// # Errors
/// As [`record`].
pub(crate) async fn history(
    tx: &TenantRead<'_>,
    contact: ContactId,
    since: Option<Timestamp>,
    paging: &Paging<ConsentPosition>,
) -> Result<Vec<IdentifiedConsent>, ContactError> {
    present(tx, contact).await?;
    Ok(store::history(tx, contact, since, paging).await?)
}

async fn present(tx: &TenantRead<'_>, contact: ContactId) -> Result<(), ContactError> {
    match store::whereabouts(tx, contact).await? {
        None => Err(ContactError::NotFound),
        Some(Some(into)) => Err(ContactError::Merged { into }),
        Some(None) => Ok(()),
    }
}
