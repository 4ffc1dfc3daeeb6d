//! A message comes in: who wrote it is found or noted, and it is put into their conversation, all in one transaction.
//!
//! Of many messages of somebody new that arrive at once, the first makes the contact and the others wait for it, by a lock on each
//! thing by which the channel knows them.

use appointments::waitlist::WaitlistError;
use contacts::people::senders::{self, Sender};
use contacts::people::{ContactError, ContactKind};
use conversations::identities::{self, Identity};
use conversations::inboxes::Inbox;
use conversations::messages::{self, Inbound, MessageError, Received};
use db::{DbError, TenantTx, TxError};
use kernel::ContactId;
use kernel::email::EmailAddress;
use kernel::phone::PhoneNumber;
use kernel::text::PersonName;

use super::merge::{self, MergeFailure};
use super::replies;

/// A message as it arrives, and by what the channel knows who wrote it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Into which inbox.
    pub inbox: Inbox,
    /// By what the channel knows who wrote, the surest first: at least one.
    pub identities: Vec<Identity>,
    /// What they say of themselves: used where they are noted as a lead, and never to take them for somebody who is known.
    pub claims: Claims,
    /// The message.
    pub message: Inbound,
    /// Whether a machine wrote it, as an absence note (RFC 3834): it is kept, and no machine answers it.
    pub is_automatic: bool,
}

/// What somebody says of themselves, which nobody has proved.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// Their name.
    pub name: Option<PersonName>,
    /// Their phone.
    pub phone: Option<PhoneNumber>,
    /// Their e-mail address.
    pub email: Option<EmailAddress>,
}

/// Why a message could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum InboundError {
    /// The contact.
    #[error(transparent)]
    Contact(#[from] ContactError),
    /// A merge.
    #[error(transparent)]
    Merge(#[from] MergeFailure),
    /// The conversation.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// What it asks for.
    #[error(transparent)]
    Reply(#[from] WaitlistError),
    /// Nothing says who wrote.
    #[error("the message says nothing of who wrote it")]
    Anonymous,
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl TxError for InboundError {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Contact(error) => error.db_error(),
            Self::Merge(error) => error.db_error(),
            Self::Message(error) => error.db_error(),
            Self::Reply(error) => error.db_error(),
            Self::Anonymous => None,
            Self::Database(error) => Some(error),
        }
    }
}

/// Takes in a message. Arriving again it changes nothing. Where it answers a reminder or an offer, what it asks for is done and
/// confirmed in the same transaction: so it is done once, whatever is cut off.
///
/// # Errors
/// [`InboundError`].
pub async fn receive(tx: &mut TenantTx<'_>, arrival: &Arrival) -> Result<Received, InboundError> {
    let contact = Box::pin(sender_of(tx, arrival)).await?;
    let received = Box::pin(messages::receive(tx, &arrival.inbox, contact, &arrival.message)).await?;
    if !received.duplicate && !arrival.is_automatic {
        Box::pin(replies::answer(tx, contact, &received, arrival)).await?;
    }
    Ok(received)
}

/// Who wrote it: by what the channel has known them by, else by phone or e-mail address, else a new lead.
///
/// Where two of their names lead to two contacts (first a name of WhatsApp's own, the phone only later), the one that is a lead is
/// merged into the other. Two patients are left as they are, for people to decide; the surest name counts.
async fn sender_of(tx: &mut TenantTx<'_>, arrival: &Arrival) -> Result<ContactId, InboundError> {
    let inbox = &arrival.inbox;
    if arrival.identities.is_empty() {
        return Err(InboundError::Anonymous);
    }
    identities::lock(tx, inbox.id, &arrival.identities).await?;
    let known = identities::contacts_of(tx, inbox.id, &arrival.identities).await?;
    let mut found: Vec<(ContactId, ContactKind)> = Vec::new();
    for (identity, contact) in arrival.identities.iter().zip(&known) {
        let contact = match contact {
            Some(contact) => Some(*contact),
            None => by_address(tx, identity).await?,
        };
        if let Some(contact) = contact
            && let Some(present) = senders::present(tx, contact).await?
            && !found.contains(&present)
        {
            found.push(present);
        }
    }
    let contact = match found.as_slice() {
        [] => note_lead(tx, arrival).await?,
        [(contact, _)] => *contact,
        [first, second, ..] => join(tx, *first, *second).await?,
    };
    let mut learnt = Vec::new();
    for (identity, before) in arrival.identities.iter().zip(&known) {
        if before.is_none() {
            identities::note(tx, inbox.id, identity, contact).await?;
            learnt.push(identity);
        }
    }
    // A phone that came later than the person themselves.
    if !found.is_empty() {
        for identity in learnt {
            if let Identity::Phone { number, .. } = identity {
                senders::learn_phone(tx, contact, number).await?;
            }
        }
    }
    Ok(contact)
}

/// Whose phone or e-mail address it is, where the channel vouches for it.
async fn by_address(tx: &TenantTx<'_>, identity: &Identity) -> Result<Option<ContactId>, DbError> {
    match identity {
        Identity::Phone { number, .. } => senders::by_phone(tx, number).await,
        Identity::Email(email) => senders::by_email(tx, email).await,
        Identity::WhatsappUser(_) | Identity::Visitor(_) => Ok(None),
    }
}

/// Merges the one that is a lead into the other; of two leads the second goes, of two patients none.
async fn join(
    tx: &mut TenantTx<'_>,
    first: (ContactId, ContactKind),
    second: (ContactId, ContactKind),
) -> Result<ContactId, InboundError> {
    let (from, into) = match (first.1, second.1) {
        (ContactKind::Lead, _) => (first.0, second.0),
        (ContactKind::Patient, ContactKind::Lead) => (second.0, first.0),
        (ContactKind::Patient, ContactKind::Patient) => return Ok(first.0),
    };
    // Rare, and large.
    Box::pin(merge::merge_one_into(tx, into, from)).await?;
    Ok(into)
}

/// The most characters of a [`PersonName`].
const MOST_OF_A_NAME: usize = 200;

/// `text`, cut to what a name may have: an e-mail address may be longer.
fn as_long_as_a_name(text: &str) -> String {
    text.chars().take(MOST_OF_A_NAME).collect()
}

/// Notes who wrote as a lead.
async fn note_lead(tx: &mut TenantTx<'_>, arrival: &Arrival) -> Result<ContactId, InboundError> {
    let mut phone = arrival.claims.phone.clone();
    let mut email = arrival.claims.email.clone();
    for identity in &arrival.identities {
        match identity {
            Identity::Phone { number, .. } => phone = Some(number.clone()),
            Identity::Email(address) => email = Some(address.clone()),
            Identity::WhatsappUser(_) | Identity::Visitor(_) => {}
        }
    }
    let stands_for_it = phone
        .as_ref()
        .map(PhoneNumber::formatted)
        .or_else(|| email.as_ref().map(|email| email.as_str().to_owned()))
        .unwrap_or_else(|| "Visitante".to_owned());
    let name = match &arrival.claims.name {
        Some(name) => name.clone(),
        None => PersonName::parse(&as_long_as_a_name(&stands_for_it)).map_err(|_unnameable| InboundError::Anonymous)?,
    };
    let sender = Sender {
        name,
        phone,
        email,
        source: arrival.inbox.channel.as_str(),
    };
    Ok(senders::create_lead(tx, &sender).await?.columns.id)
}
