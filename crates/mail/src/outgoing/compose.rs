//! A mail's form on the wire. What people wrote gets into a header only as an encoded word or a quoted string, and addresses
//! only as parsed: nothing that is sent can add a header.

use std::time::SystemTime;

use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{MultiPart, SinglePart};
use lettre::{Address, Message};
use url::Url;

use super::model::{Attachment, Mailbox, OutgoingMail, Unsendable};
use crate::message_id::MessageId;

/// The most recipients of one mail.
const MAX_RECIPIENTS: usize = 100;

/// Of a long thread the beginning and the latest mails are named: a header has its limits, and clients need no more.
const MAX_REFERENCES: usize = 20;

/// The most characters of a subject, a name or a file's name.
const MAX_HEADER_CHARS: usize = 250;

/// A mail as it travels.
pub(crate) struct Composed {
    pub(crate) envelope: Envelope,
    pub(crate) bytes: Vec<u8>,
}

/// Puts the mail together.
pub(crate) fn compose(mail: &OutgoingMail) -> Result<Composed, Unsendable> {
    let recipients = mail.to.len().saturating_add(mail.cc.len());
    if mail.to.is_empty() {
        return Err(Unsendable::NoRecipient);
    }
    if recipients > MAX_RECIPIENTS {
        return Err(Unsendable::TooManyRecipients);
    }
    let date = SystemTime::from(mail.date.as_datetime());
    let mut builder = Message::builder()
        .message_id(Some(mail.id.to_string()))
        .date(date)
        .from(mailbox(&mail.from)?)
        .subject(one_line(&mail.subject));
    for to in &mail.to {
        builder = builder.to(mailbox(to)?);
    }
    for cc in &mail.cc {
        builder = builder.cc(mailbox(cc)?);
    }
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    if let Some(answered) = &mail.in_reply_to {
        builder = builder.in_reply_to(answered.to_string());
    }
    if let Some(references) = references(&mail.references) {
        builder = builder.references(references);
    }
    if let Some(automatic) = mail.automatic {
        builder = builder
            .raw_header(header("Auto-Submitted", automatic.as_str()))
            // What Exchange is asked not to send. Not `All`: that it does not arrive is to be told.
            .raw_header(header("X-Auto-Response-Suppress", "DR, RN, NRN, OOF, AutoReply"));
    }
    if let Some(unsubscribe) = &mail.unsubscribe {
        let url = unsubscribe_url(unsubscribe)?;
        builder = builder
            .raw_header(header("List-Unsubscribe", &format!("<{url}>")))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    let message = match body(mail) {
        Body::Single(part) => builder.singlepart(part),
        Body::Multi(part) => builder.multipart(part),
    };
    let message = message.or(Err(Unsendable::Form))?;
    Ok(Composed {
        envelope: message.envelope().clone(),
        bytes: message.formatted(),
    })
}

enum Body {
    Single(SinglePart),
    Multi(MultiPart),
}

fn body(mail: &OutgoingMail) -> Body {
    let text = SinglePart::plain(mail.text.clone());
    let alternative = mail.html.as_ref().map(|html| {
        MultiPart::alternative()
            .singlepart(text.clone())
            .singlepart(SinglePart::html(html.clone()))
    });
    if mail.attachments.is_empty() {
        return alternative.map_or_else(|| Body::Single(text), Body::Multi);
    }
    let mixed = match alternative {
        Some(alternative) => MultiPart::mixed().multipart(alternative),
        None => MultiPart::mixed().singlepart(text),
    };
    Body::Multi(mail.attachments.iter().map(file).fold(mixed, MultiPart::singlepart))
}

fn file(attachment: &Attachment) -> SinglePart {
    let is_plain = attachment
        .content_type
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let unknown = || ContentType::parse("application/octet-stream").unwrap_or(ContentType::TEXT_PLAIN);
    let content_type = if is_plain {
        ContentType::parse(&attachment.content_type).unwrap_or_else(|_| unknown())
    } else {
        unknown()
    };
    // A receiver's system may take a path for one.
    let name = one_line(&attachment.name).replace(['/', '\\', '"'], "_");
    let file = lettre::message::Attachment::new(name);
    // Byte for byte: what looks like short lines of text would else go as such, and come out with other ends of lines.
    let encoding = ContentTransferEncoding::Base64;
    match lettre::message::Body::new_with_encoding(attachment.bytes.clone(), encoding) {
        Ok(body) => file.body(body, content_type),
        Err(bytes) => file.body(bytes, content_type),
    }
}

fn mailbox(mailbox: &Mailbox) -> Result<lettre::message::Mailbox, Unsendable> {
    let address: Address = mailbox.address.as_str().parse().or(Err(Unsendable::Address))?;
    let name = mailbox.name.as_deref().map(one_line).filter(|name| !name.is_empty());
    Ok(lettre::message::Mailbox::new(name, address))
}

/// `text` as one line of a header: control characters become spaces, and marks of writing direction, which can turn round what
/// stands beside them, go.
fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .filter(|character| !matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .map(|character| {
            if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                character
            }
        })
        .take(MAX_HEADER_CHARS)
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn references(thread: &[MessageId]) -> Option<String> {
    let skipped = thread.len().saturating_sub(MAX_REFERENCES);
    let (first, rest) = thread.split_first()?;
    let kept = rest.iter().skip(skipped);
    let ids: Vec<String> = std::iter::once(first).chain(kept).map(ToString::to_string).collect();
    Some(ids.join(" "))
}

fn unsubscribe_url(text: &str) -> Result<Url, Unsendable> {
    Url::parse(text)
        .ok()
        .filter(|url| url.scheme() == "https" && !url.as_str().contains(['<', '>', ',']))
        .ok_or(Unsendable::Unsubscribe)
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;
    use kernel::email::EmailAddress;
    use proptest::prelude::*;

    use super::super::model::Automatic;
    use super::*;
    use crate::incoming::read;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn id(text: &str) -> MessageId {
        MessageId::parse(text).unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn mail(subject: &str, text: &str) -> OutgoingMail {
        OutgoingMail::new(
            id("one@aurora.example"),
            now(),
            Mailbox::named("Clínica Aurora", address("agenda@aurora.example")),
            Mailbox::named("João", address("joao@example.com")),
            subject,
            text,
        )
    }

    fn bytes(mail: &OutgoingMail) -> Vec<u8> {
        compose(mail).unwrap().bytes
    }

    #[test]
    fn what_is_sent_reads_back_as_it_was_written() {
        let mut mail = mail(
            "Sua consulta amanhã às 9h",
            "Olá, João!\n\nAté amanhã.\n.\nClínica Aurora\n",
        );
        mail.html = Some("<p>Olá, João!</p>".to_owned());
        mail.reply_to = Some(Mailbox::bare(address("recepcao@aurora.example")));
        mail.attachments.push(Attachment {
            name: "orientações.pdf".to_owned(),
            content_type: "application/pdf".to_owned(),
            bytes: vec![0, 1, 2, 255],
        });
        let read = read(&bytes(&mail.answering(vec![id("a@x"), id("b@x")]))).unwrap();
        assert_eq!(read.message_id, Some(id("one@aurora.example")));
        assert_eq!(read.in_reply_to, vec![id("b@x")]);
        assert_eq!(read.references, vec![id("a@x"), id("b@x")]);
        assert_eq!(read.subject, "Sua consulta amanhã às 9h");
        assert_eq!(read.from.unwrap().name.as_deref(), Some("Clínica Aurora"));
        assert_eq!(read.reply_to[0].address, address("recepcao@aurora.example"));
        assert_eq!(read.date, Some(now()));
        assert!(read.text.starts_with("Olá, João!\n\nAté amanhã."), "{:?}", read.text);
        assert_eq!(read.attachments.len(), 1);
        assert_eq!(read.attachments[0].name.as_deref(), Some("orientações.pdf"));
        assert_eq!(read.attachments[0].content_type, "application/pdf");
        assert_eq!(read.attachments[0].bytes, vec![0, 1, 2, 255]);
    }

    #[test]
    fn a_mail_that_a_machine_wrote_says_so() {
        let mut mail = mail("Lembrete", "Amanhã às 9h").automatic();
        mail.unsubscribe = Some("https://app.example/u?t=1".to_owned());
        let text = String::from_utf8(bytes(&mail)).unwrap();
        for line in [
            "Auto-Submitted: auto-generated\r\n",
            "X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply\r\n",
            "List-Unsubscribe: <https://app.example/u?t=1>\r\n",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        let answer = OutgoingMail {
            automatic: Some(Automatic::Replied),
            ..mail.clone()
        };
        let text = String::from_utf8(bytes(&answer)).unwrap();
        assert!(text.contains("Auto-Submitted: auto-replied\r\n"), "{text}");
        mail.unsubscribe = Some("javascript:alert(1)".to_owned());
        assert_eq!(compose(&mail).err(), Some(Unsendable::Unsubscribe));
    }

    #[test]
    fn a_long_thread_keeps_its_beginning_and_its_end() {
        let thread: Vec<_> = (0..50).map(|number| id(&format!("{number}@x"))).collect();
        let read = read(&bytes(&mail("Re: x", "y").answering(thread))).unwrap();
        assert_eq!(read.references.first(), Some(&id("0@x")));
        assert_eq!(read.references.last(), Some(&id("49@x")));
        assert_eq!(read.references.len(), MAX_REFERENCES);
    }

    #[test]
    fn nobody_and_too_many_are_told() {
        let mut mail = mail("x", "y");
        mail.to = vec![Mailbox::bare(address("a@b.example")); 101];
        assert_eq!(compose(&mail).err(), Some(Unsendable::TooManyRecipients));
        mail.to.clear();
        assert_eq!(compose(&mail).err(), Some(Unsendable::NoRecipient));
    }

    proptest! {
        #[test]
        fn no_text_adds_a_header(subject in any::<String>(), name in any::<String>(), file in any::<String>(), kind in any::<String>()) {
            let mut mail = mail(&format!("{subject}\r\nBcc: thief@example.com\r\n\r\n"), "text");
            mail.to[0].name = Some(format!("{name}\r\nX-Evil: 1"));
            mail.attachments.push(Attachment { name: format!("{file}\nX-Evil: 1"), content_type: kind, bytes: vec![1] });
            let bytes = bytes(&mail);
            let text = String::from_utf8_lossy(&bytes).to_lowercase();
            for line in text.lines() {
                prop_assert!(!line.starts_with("bcc:") && !line.starts_with("x-evil:"), "{}", text);
            }
            prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        }
    }
}
