//! A message as WhatsApp tells of it, as a message of a conversation.

use std::fmt::Write as _;

use conversations::channels::failure_of_code;
use conversations::identities::Identity;
use conversations::inboxes::Inbox;
use conversations::messages::{Delivery, DeliveryReport, Inbound};
use kernel::text::PersonName;
use kernel::{InboxId, Timestamp};
use whatsapp::{Content, IncomingMessage, MediaFile, Person, Status, StatusUpdate};

use crate::workflows::inbound::{Arrival, Claims};

/// By what WhatsApp knows somebody, the surest first.
pub(super) fn identities(person: &Person) -> Vec<Identity> {
    let user = person
        .user_id
        .as_ref()
        .map(|id| Identity::WhatsappUser(id.as_str().to_owned()));
    let phone = person.phone.as_ref().map(|number| Identity::Phone {
        number: number.clone(),
        address: number.digits().to_owned(),
    });
    user.into_iter().chain(phone).collect()
}

/// A message, with the file that is to be fetched for it.
pub(super) fn arrival(inbox: &Inbox, message: &IncomingMessage, now: Timestamp) -> (Arrival, Option<MediaFile>) {
    let from = &message.from;
    let address = match (&from.phone, &from.user_id) {
        (Some(phone), _) => Some(phone.digits().to_owned()),
        (None, user_id) => user_id.as_ref().map(|id| id.as_str().to_owned()),
    };
    let shown_as = [&message.profile.name, &message.profile.username];
    let name = shown_as
        .into_iter()
        .flatten()
        .find_map(|name| PersonName::parse(name).ok());
    let answers = match &message.content {
        Content::Reaction { message, .. } => Some(message.clone()),
        _ => message.answers.clone(),
    };
    let arrival = Arrival {
        inbox: inbox.clone(),
        identities: identities(from),
        claims: Claims {
            name,
            ..Claims::default()
        },
        message: Inbound {
            provider_id: message.id.clone(),
            // No clock of theirs keeps the 24 hours open for longer.
            sent_at: message.sent_at.map_or(now, |at| at.min(now)),
            body: words(&message.content),
            subject: None,
            address,
            files: Vec::new(),
            reply_to: answers,
        },
        is_automatic: false,
    };
    let file = match &message.content {
        Content::Media(file) => Some(file.clone()),
        _ => None,
    };
    (arrival, file)
}

/// What a message says, in words: nothing that came is left out because it has another form.
fn words(content: &Content) -> String {
    match content {
        Content::Text(text) => text.clone(),
        // A document without words is known by its name.
        Content::Media(file) => file
            .caption
            .clone()
            .or_else(|| file.file_name.clone())
            .unwrap_or_default(),
        Content::Choice { title, .. } => title.clone(),
        Content::Location {
            latitude,
            longitude,
            name,
            address,
        } => {
            let mut text = format!("Localização: {latitude}, {longitude}");
            for part in [name, address].into_iter().flatten() {
                let _infallible = write!(text, "\n{part}");
            }
            text
        }
        Content::Contacts(cards) => {
            let lines: Vec<String> = cards
                .iter()
                .map(|(name, phones)| format!("Contato: {name} {}", phones.join(", ")).trim().to_owned())
                .collect();
            lines.join("\n")
        }
        Content::Reaction { emoji: Some(emoji), .. } => format!("Reagiu com {emoji}"),
        Content::Reaction { emoji: None, .. } => "Retirou a reação".to_owned(),
        Content::Other(kind) => format!("[Mensagem de um tipo que não é exibido aqui: {kind}]"),
    }
}

/// What WhatsApp tells of a message of ours.
pub(super) fn report(inbox: InboxId, update: &StatusUpdate, now: Timestamp) -> DeliveryReport {
    let delivery = match update.status {
        Status::Sent => Delivery::Sent,
        Status::Delivered => Delivery::Delivered,
        Status::Read => Delivery::Read,
        Status::Failed => Delivery::Failed,
    };
    DeliveryReport {
        inbox,
        provider_id: update.message_id.clone(),
        reference: update.reference.as_deref().and_then(|reference| reference.parse().ok()),
        delivery,
        at: update.at.map_or(now, |at| at.min(now)),
        reason: update.error.as_ref().map(|error| failure_of_code(error.code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_came_can_be_read() {
        let other = words(&Content::Other("order".to_owned()));
        assert!(other.contains("order"));
        let place = Content::Location {
            latitude: -12.97,
            longitude: -38.5,
            name: Some("Farol".to_owned()),
            address: None,
        };
        assert_eq!(words(&place), "Localização: -12.97, -38.5\nFarol");
        let sign = Content::Reaction {
            message: "w1".to_owned(),
            emoji: None,
        };
        assert_eq!(words(&sign), "Retirou a reação");
    }
}
