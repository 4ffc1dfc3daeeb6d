//! By what a person is known on a channel, and to which contact that leads.

use db::schema::channel_identities;
use db::{DbError, TenantRead, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::email::EmailAddress;
use kernel::phone::PhoneNumber;
use kernel::{ChannelIdentityId, ContactId, InboxId, text_enum};

use crate::locks;

text_enum! {
    /// What kind of name a person has on a channel.
    pub enum IdentityKind {
        /// A phone number.
        Phone = "phone",
        /// WhatsApp's own id of a person, who may keep the phone number to themselves.
        WhatsappUser = "whatsapp_user",
        /// An e-mail address.
        Email = "email",
        /// A visitor of the web chat.
        Visitor = "visitor",
    }
    error = InvalidIdentityKind, code = "unknown_identity_kind";
}

/// By what a person is known on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A phone number; `address` is how the channel spells it, such as WhatsApp's `wa_id`.
    Phone {
        /// The number.
        number: PhoneNumber,
        /// How the channel spells it.
        address: String,
    },
    /// WhatsApp's own id of a person.
    WhatsappUser(String),
    /// An e-mail address.
    Email(EmailAddress),
    /// The hash of a visitor's secret, in hexadecimal digits.
    Visitor(String),
}

impl Identity {
    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> IdentityKind {
        match self {
            Self::Phone { .. } => IdentityKind::Phone,
            Self::WhatsappUser(_) => IdentityKind::WhatsappUser,
            Self::Email(_) => IdentityKind::Email,
            Self::Visitor(_) => IdentityKind::Visitor,
        }
    }

    /// What it is looked up by: of a phone its match key, so that the ninth digit does not matter.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Phone { number, .. } => number.match_key(),
            Self::WhatsappUser(id) | Self::Visitor(id) => id.clone(),
            Self::Email(email) => email.as_str().to_owned(),
        }
    }

    /// Where the channel is told to send to; a visitor fetches.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        match self {
            Self::Phone { address, .. } => Some(address.clone()),
            Self::WhatsappUser(id) => Some(id.clone()),
            Self::Email(email) => Some(email.as_str().to_owned()),
            Self::Visitor(_) => None,
        }
    }
}

/// Waits until nobody else finds out who these are: of many messages of somebody new, one makes the contact.
///
/// # Errors
/// The database's failure.
pub async fn lock(tx: &TenantTx<'_>, inbox: InboxId, identities: &[Identity]) -> Result<(), DbError> {
    let keys = identities
        .iter()
        .map(|identity| {
            // A person writes to several inboxes by the same phone or address; the rest is the inbox's own.
            let scope = match identity.kind() {
                IdentityKind::Phone | IdentityKind::Email => String::new(),
                IdentityKind::WhatsappUser | IdentityKind::Visitor => inbox.to_string(),
            };
            let name = format!("identity/{scope}/{}/{}", identity.kind(), identity.value());
            locks::key(tx, &name)
        })
        .collect();
    locks::take(tx, keys).await
}

/// To whom each of `identities` leads in this inbox, where it is known: in their order.
///
/// # Errors
/// The database's failure.
pub async fn contacts_of(
    tx: &TenantRead<'_>,
    inbox: InboxId,
    identities: &[Identity],
) -> Result<Vec<Option<ContactId>>, DbError> {
    let values: Vec<String> = identities.iter().map(Identity::value).collect();
    let known: Vec<(IdentityKind, String, ContactId)> = channel_identities::table
        .filter(channel_identities::clinic_id.eq(tx.clinic()))
        .filter(channel_identities::inbox_id.eq(inbox))
        .filter(channel_identities::kind.eq_any(identities.iter().map(Identity::kind)))
        .filter(channel_identities::value.eq_any(values))
        .select((
            channel_identities::kind,
            channel_identities::value,
            channel_identities::contact_id,
        ))
        .load(&mut tx.conn())
        .await?;
    let contact_of = |identity: &Identity| {
        known
            .iter()
            .find(|(kind, value, _)| *kind == identity.kind() && *value == identity.value())
            .map(|(_, _, contact)| *contact)
    };
    Ok(identities.iter().map(contact_of).collect())
}

/// Notes that `identity` leads to `contact` in this inbox; where it leads to somebody already it goes on to.
///
/// # Errors
/// The database's failure.
pub async fn note(tx: &TenantTx<'_>, inbox: InboxId, identity: &Identity, contact: ContactId) -> Result<(), DbError> {
    diesel::insert_into(channel_identities::table)
        .values((
            channel_identities::clinic_id.eq(tx.clinic()),
            channel_identities::id.eq(ChannelIdentityId::new_at(tx.now())),
            channel_identities::inbox_id.eq(inbox),
            channel_identities::kind.eq(identity.kind()),
            channel_identities::value.eq(identity.value()),
            channel_identities::address.eq(identity.address()),
            channel_identities::contact_id.eq(contact),
        ))
        .on_conflict_do_nothing()
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

/// Gives every identity of `from` to `into`; says which.
pub(crate) async fn move_contact(
    tx: &TenantTx<'_>,
    from: ContactId,
    into: ContactId,
) -> Result<Vec<ChannelIdentityId>, DbError> {
    let moved = diesel::update(channel_identities::table)
        .filter(channel_identities::clinic_id.eq(tx.clinic()))
        .filter(channel_identities::contact_id.eq(from))
        .set(channel_identities::contact_id.eq(into))
        .returning(channel_identities::id)
        .get_results(&mut tx.conn())
        .await?;
    Ok(moved)
}

/// Gives those of the identities `ids`, which a merge had moved, that are still `survivor`'s back to `back_to`; says which.
pub(crate) async fn give_back(
    tx: &TenantTx<'_>,
    ids: &[ChannelIdentityId],
    survivor: ContactId,
    back_to: ContactId,
) -> Result<Vec<ChannelIdentityId>, DbError> {
    let given = diesel::update(channel_identities::table)
        .filter(channel_identities::clinic_id.eq(tx.clinic()))
        .filter(channel_identities::id.eq_any(ids))
        .filter(channel_identities::contact_id.eq(survivor))
        .set(channel_identities::contact_id.eq(back_to))
        .returning(channel_identities::id)
        .get_results(&mut tx.conn())
        .await?;
    Ok(given)
}
