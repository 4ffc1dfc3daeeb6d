//! From bytes to a mail.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use kernel::Timestamp;
use kernel::email::EmailAddress;
use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

use super::bounce::{self, Bounce};
use super::limits::{TAMED_MAIL, tame};
use super::model::{Party, ReadAttachment, ReadMail, Unreadable};
use super::{automatic, html, quotes};
use crate::message_id::MessageId;

/// The most bytes of text that are kept; a book has as many.
const MAX_TEXT: usize = 512 << 10;

/// The most files that are kept of one mail.
const MAX_ATTACHMENTS: usize = 100;

/// The most people that are kept of one header, and ids of a thread.
const MAX_PARTIES: usize = 200;
const MAX_IDS: usize = 100;

/// The most characters of a subject, a name or a file's name.
const MAX_CHARS: usize = 500;

/// Reads a mail. Works through all of it: for a mail of many megabytes, call it where nothing else waits.
///
/// # Errors
/// [`Unreadable`] when there is no header in it.
pub fn read(raw: &[u8]) -> Result<ReadMail, Unreadable> {
    let tame = tame(raw);
    let parser = MessageParser::default();
    let parsed = if tame.is_whole {
        parser.parse(tame.bytes.as_ref())
    } else {
        parser.parse_headers(tame.bytes.as_ref())
    };
    let mail = parsed
        .filter(|mail| !mail.parts.is_empty() && !mail.headers().is_empty())
        .ok_or(Unreadable)?;
    let body = if tame.is_whole { body(&mail) } else { Body::default() };
    let bounce = if tame.is_whole { report(&mail) } else { None };
    let (text, quoted) = quotes::split(&body.text);
    Ok(ReadMail {
        message_id: ids(mail.header(HeaderName::MessageId)).into_iter().next(),
        in_reply_to: ids(mail.header(HeaderName::InReplyTo)),
        references: ids(mail.header(HeaderName::References)),
        from: parties(mail.from()).into_iter().next(),
        reply_to: parties(mail.reply_to()),
        to: parties(mail.to()),
        cc: parties(mail.cc()),
        subject: one_line(mail.subject().unwrap_or_default()),
        date: mail.date().and_then(|date| timestamp(date.to_timestamp())),
        text,
        quoted,
        kind: automatic::kind_of(&mail, bounce),
        complete: tame.is_whole && body.complete,
        attachments: body.attachments,
    })
}

/// The first bytes of `text`, at most so many, ending with a whole character.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

struct Body {
    text: String,
    attachments: Vec<ReadAttachment>,
    complete: bool,
}

impl Default for Body {
    fn default() -> Self {
        Self {
            text: String::new(),
            attachments: Vec::new(),
            complete: true,
        }
    }
}

fn body(mail: &Message<'_>) -> Body {
    let mut body = Body::default();
    let mut seen = HashSet::new();
    for id in &mail.text_body {
        let Some(part) = mail.part(*id).filter(|_| seen.insert(*id)) else {
            continue;
        };
        let text = match &part.body {
            PartType::Text(text) => text.to_string(),
            PartType::Html(markup) => html::text_of(markup),
            _ => continue,
        };
        if !body.text.is_empty() {
            body.text.push('\n');
        }
        body.text.push_str(&cleaned(&text));
        if body.text.len() > MAX_TEXT {
            body.text = cut(&body.text, MAX_TEXT).to_owned();
            body.complete = false;
            break;
        }
    }
    for part in mail.attachments() {
        if body.attachments.len() == MAX_ATTACHMENTS {
            body.complete = false;
            break;
        }
        // The HTML beside a text says the same; a text that was read is no file.
        body.attachments.extend(attachment(part));
    }
    body
}

fn attachment(part: &MessagePart<'_>) -> Option<ReadAttachment> {
    let content_type = part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |kind| {
            let subtype = kind.subtype().unwrap_or("octet-stream");
            format!("{}/{subtype}", kind.ctype()).to_lowercase()
        },
    );
    let content_type = if content_type == TAMED_MAIL {
        "message/rfc822".to_owned()
    } else if content_type.len() <= 127 && content_type.bytes().all(|byte| byte.is_ascii_graphic()) {
        content_type
    } else {
        "application/octet-stream".to_owned()
    };
    let is_report = content_type == "message/delivery-status" || content_type == "message/disposition-notification";
    if is_report || part.is_multipart() {
        return None;
    }
    let name = part.attachment_name().map(file_name).filter(|name| !name.is_empty());
    let disposition = part.content_disposition();
    let inline = disposition.is_some_and(mail_parser::ContentType::is_inline)
        || disposition.is_none() && part.content_id().is_some();
    Some(ReadAttachment {
        name,
        content_type,
        inline,
        content_id: part.content_id().map(|id| id.chars().take(MAX_CHARS).collect()),
        bytes: part.contents().to_vec(),
    })
}

/// The report in the mail, when it is one on what became of a mail.
fn report(mail: &Message<'_>) -> Option<Bounce> {
    let is_report = automatic::content_attribute(mail, "report-type").is_some_and(|kind| kind == "delivery-status");
    if !is_report {
        return automatic::is_complaint(mail).then(|| Bounce {
            original: original(mail),
            recipients: Vec::new(),
        });
    }
    let fields = mail
        .parts
        .iter()
        .find(|part| is_type(part, "message", "delivery-status"))?;
    Some(Bounce {
        original: original(mail),
        recipients: bounce::recipients(&String::from_utf8_lossy(fields.contents())),
    })
}

/// The id of the mail that came back, from its headers in the report.
fn original(mail: &Message<'_>) -> Option<MessageId> {
    let returned = mail.parts.iter().find(|part| {
        is_type(part, "message", "x-file")
            || is_type(part, "text", "rfc822-headers")
            || is_type(part, "text", "x-file-headers")
            || is_type(part, "message", "rfc822-headers")
    })?;
    let headers = MessageParser::default()
        .parse_headers(tame(returned.contents()).bytes.as_ref())?
        .into_owned();
    ids(headers.header(HeaderName::MessageId)).into_iter().next()
}

fn is_type(part: &MessagePart<'_>, kind: &str, subtype: &str) -> bool {
    part.content_type().is_some_and(|found| {
        found.ctype().eq_ignore_ascii_case(kind)
            && found.subtype().is_some_and(|found| found.eq_ignore_ascii_case(subtype))
    })
}

fn ids(value: Option<&HeaderValue<'_>>) -> Vec<MessageId> {
    let texts: Vec<&str> = match value {
        Some(HeaderValue::Text(text)) => vec![text.as_ref()],
        Some(HeaderValue::TextList(texts)) => texts.iter().map(AsRef::as_ref).collect(),
        _ => Vec::new(),
    };
    texts
        .iter()
        .filter_map(|text| MessageId::parse(text).ok())
        .take(MAX_IDS)
        .collect()
}

fn parties(addresses: Option<&Address<'_>>) -> Vec<Party> {
    let Some(addresses) = addresses else {
        return Vec::new();
    };
    addresses
        .iter()
        .take(MAX_PARTIES)
        .filter_map(|one| {
            let address = EmailAddress::parse(one.address()?).ok()?;
            let name = one.name().map(one_line).filter(|name| !name.is_empty());
            Some(Party { name, address })
        })
        .collect()
}

fn timestamp(seconds: i64) -> Option<Timestamp> {
    let moment: DateTime<Utc> = DateTime::from_timestamp(seconds, 0)?;
    Timestamp::new(moment).ok()
}

/// Text as the database and a screen take it: no control characters but line ends and tabs.
fn cleaned(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .chars()
        .filter(|character| !character.is_control() || matches!(character, '\n' | '\t'))
        .collect()
}

fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(MAX_CHARS)
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A file's name without its path, and without what could pass for one.
fn file_name(name: &str) -> String {
    let last = |name: &str| name.rsplit(['/', '\\']).next().map(one_line).unwrap_or_default();
    let name = last(name);
    // Clients put encoded words (RFC 2047) where the standard has another form (RFC 2231).
    let name = if name.contains("=?") {
        last(&decoded(&name))
    } else {
        name
    };
    name.trim_matches('.').to_owned()
}

/// `line` with its encoded words read.
fn decoded(line: &str) -> String {
    let header = format!("Subject: {line}\n\n");
    let subject = MessageParser::default()
        .parse_headers(header.as_bytes())
        .and_then(|mail| mail.subject().map(str::to_owned));
    subject.unwrap_or_else(|| line.to_owned())
}
