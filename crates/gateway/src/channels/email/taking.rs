//! One mail of a mailbox: what it is, and where it goes.

use std::convert::Infallible;

use bytes::Bytes;
use conversations::attachments::{MOST_BYTES, content_type_of, file_name, key_of};
use conversations::identities::{self, Identity};
use conversations::inboxes::{self, Inbox, InboxSettings};
use conversations::messages::{self, Draft, DraftContent, InboundFile, MessageText};
use db::{Db, TenantTx};
use files::{Files, KeepError};
use futures_util::stream;
use jobs::HandlerError;
use kernel::{Caller, ConversationId, InboxId, MessageAttachmentId, System};
use mail::{Fetched, MailKind, Party, Position, ReadAttachment, ReadMail, read};

use super::reading::{self, from_elsewhere};
use crate::workflows::inbound::{self, InboundError};

/// What is done with a mail.
enum Act<'m> {
    /// It is passed over.
    Nothing(&'static str),
    /// A person wrote.
    Receive(&'m Party),
    /// A machine answered for a person: a note where the talk is, and nothing else.
    Note,
    /// A mail of ours did not arrive.
    Report(Box<conversations::messages::DeliveryReport>),
}

fn failed(error: impl std::fmt::Display) -> HandlerError {
    HandlerError::Retry(error.to_string())
}

/// Stores a mail with the position after it; `false` when another look at the mailbox has done so. A mail that cannot be stored at
/// all is passed over: none holds up those behind it.
pub(super) async fn take(
    db: &Db,
    files: &Files,
    system: &System,
    inbox: &Inbox,
    fetched: &Fetched,
    (before, after): (Option<Position>, Position),
) -> Result<bool, HandlerError> {
    let now = db.clock().now();
    let mut mail = read(&fetched.raw).ok();
    let attachments = mail.as_mut().map(|mail| std::mem::take(&mut mail.attachments));
    let act = mail
        .as_ref()
        .map_or(Act::Nothing("unreadable"), |mail| judge(inbox, mail, now));
    let (kept, notes) = match (&act, &mail) {
        (Act::Receive(_), Some(mail)) => {
            let is_whole = fetched.is_whole && mail.complete;
            keep(files, system, attachments.unwrap_or_default(), is_whole, now).await?
        }
        _ => (Vec::new(), Vec::new()),
    };
    if let Act::Nothing(why) = &act {
        tracing::info!(inbox = %inbox.id, uid = fetched.uid, why, "a mail was passed over");
    }
    let stored = db
        .write(system, async |tx| {
            if inboxes::take_turn(tx, inbox.id, before).await?.is_none() {
                return Ok(Stored::ByAnother);
            }
            inboxes::advance(tx, inbox.id, after).await?;
            let Some(mail) = &mail else {
                return Ok(Stored::WithoutFiles);
            };
            match &act {
                Act::Nothing(_) => Ok(Stored::WithoutFiles),
                Act::Report(report) => {
                    messages::delivered(tx, report).await?;
                    Ok(Stored::WithoutFiles)
                }
                Act::Note => {
                    note(tx, inbox, mail).await?;
                    Ok(Stored::WithoutFiles)
                }
                Act::Receive(from) => {
                    let id = reading::id_of(mail, &fetched.raw);
                    let inbound = reading::inbound(mail, id, kept.clone(), &notes, now);
                    let received = Box::pin(receive(tx, inbox, mail, from, inbound)).await?;
                    Ok::<_, InboundError>(if received.duplicate {
                        Stored::WithoutFiles
                    } else {
                        Stored::Whole
                    })
                }
            }
        })
        .await;
    if !matches!(stored, Ok(Stored::Whole)) {
        for file in &kept {
            if let Err(error) = files.remove(&key_of(system.clinic(), file.id)).await {
                tracing::warn!(%error, "a file of a mail that was not stored could not be removed");
            }
        }
    }
    match stored {
        Ok(stored) => Ok(!matches!(stored, Stored::ByAnother)),
        Err(InboundError::Anonymous) => Ok(true),
        Err(error) => Err(failed(error)),
    }
}

/// What became of a mail in its transaction.
enum Stored {
    Whole,
    WithoutFiles,
    ByAnother,
}

fn judge<'m>(inbox: &Inbox, mail: &'m ReadMail, now: kernel::Timestamp) -> Act<'m> {
    let own = match inbox.settings() {
        InboxSettings::Email(settings) => Some(settings.address),
        _ => None,
    };
    match (&mail.kind, &mail.from) {
        (MailKind::Bounce(bounce), _) => match reading::report(inbox.id, bounce, now) {
            Some(report) => Act::Report(Box::new(report)),
            None => Act::Nothing("bounce_of_nothing_known"),
        },
        (MailKind::Looping, _) => Act::Nothing("looping"),
        (MailKind::Bulk, _) => Act::Nothing("bulk"),
        (MailKind::Automatic, _) => Act::Note,
        (MailKind::Personal, None) => Act::Nothing("anonymous"),
        // Mails to ourselves would go round and round.
        (MailKind::Personal, Some(from)) if Some(&from.address) == own.as_ref() => Act::Nothing("our_own"),
        (MailKind::Personal, Some(from)) => Act::Receive(from),
    }
}

/// Keeps the files of a mail, each given up from memory as it goes; says what of it was left out.
async fn keep(
    files: &Files,
    system: &System,
    attachments: Vec<ReadAttachment>,
    is_whole: bool,
    now: kernel::Timestamp,
) -> Result<(Vec<InboundFile>, Vec<String>), HandlerError> {
    let (mut kept, mut notes) = (Vec::new(), Vec::new());
    if !is_whole {
        notes.push("[O e-mail é maior do que o que é recebido aqui; falta uma parte dele]".to_owned());
    }
    for attachment in attachments {
        let name = attachment.name.as_deref().and_then(|name| file_name(name).ok());
        let name = name.unwrap_or_else(|| "anexo".to_owned());
        let head = attachment.bytes.get(..8192).unwrap_or(&attachment.bytes);
        let Ok(content_type) = content_type_of(head) else {
            notes.push(format!("[Anexo não recebido: {name}]"));
            continue;
        };
        let id = MessageAttachmentId::new_at(now);
        let chunks = stream::iter([Ok::<_, Infallible>(Bytes::from(attachment.bytes))]);
        let file = match files.keep(&key_of(system.clinic(), id), chunks, MOST_BYTES).await {
            Ok(file) => file,
            // Another attempt would come to the same, and hold up the mails behind it.
            Err(KeepError::TooLarge { .. }) => {
                notes.push(format!("[Anexo não recebido: {name}]"));
                continue;
            }
            Err(error) => return Err(failed(error)),
        };
        kept.push(InboundFile {
            id,
            file_name: name,
            content_type: content_type.to_owned(),
            size_bytes: i64::try_from(file.bytes).unwrap_or(i64::MAX),
            sha256: file.sha256,
        });
    }
    Ok((kept, notes))
}

/// Takes in what a person wrote. An address that nobody knows and that answers a mail of ours writes for the person to whom we
/// wrote: it stands in their conversation, says so, and is not taken for theirs; answers go on to the address that was known.
async fn receive(
    tx: &mut TenantTx<'_>,
    inbox: &Inbox,
    mail: &ReadMail,
    from: &Party,
    mut inbound: messages::Inbound,
) -> Result<messages::Received, InboundError> {
    let identity = [Identity::Email(from.address.clone())];
    let is_known = identities::contacts_of(tx, inbox.id, &identity)
        .await?
        .iter()
        .any(Option::is_some)
        || contacts::people::senders::by_email(tx, &from.address).await?.is_some();
    if !is_known && let Some(conversation) = thread(tx, inbox.id, mail).await? {
        inbound.address = None;
        inbound.body = from_elsewhere(&from.address, &inbound.body);
        let contact = conversations::threads::find(tx, conversation)
            .await
            .map_err(messages::MessageError::from)?
            .contact_id;
        return Ok(messages::receive(tx, inbox, contact, &inbound).await?);
    }
    inbound::receive(tx, &reading::arrival(inbox, from, inbound)).await
}

/// The conversation of the mails that `mail` answers.
async fn thread(tx: &TenantTx<'_>, inbox: InboxId, mail: &ReadMail) -> Result<Option<ConversationId>, InboundError> {
    let ids = reading::thread_of(mail);
    Ok(messages::conversation_of(tx, inbox, &ids).await?)
}

/// Notes an answer of a machine where the talk is; where there is none, nobody is bothered by it.
async fn note(tx: &mut TenantTx<'_>, inbox: &Inbox, mail: &ReadMail) -> Result<(), InboundError> {
    let Some(conversation) = thread(tx, inbox.id, mail).await? else {
        return Ok(());
    };
    let text = MessageText::received(&format!("[Resposta automática] {}\n{}", mail.subject, mail.text));
    if let Ok(text) = MessageText::parse(&text) {
        messages::send(tx, conversation, &Draft::of(DraftContent::Note(text))).await?;
    }
    Ok(())
}
