//! One mail of a mailbox: what it is, and where it goes.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use conversations::attachments::{MOST_BYTES, content_type_of, file_name, key_of};
use conversations::error::RowError;
use conversations::identities::{self, Identity};
use conversations::inboxes::{self, Inbox, InboxSettings};
use conversations::messages::{self, DeliveryReport, InboundFile, MessageError};
use db::{Db, DbError, TenantTx, TxError as _};
use files::{Files, KeepError};
use futures_util::stream;
use kernel::email::EmailAddress;
use kernel::{Caller, ContactId, ConversationId, InboxId, MessageAttachmentId, System};
use mail::{Bounce, Fetched, MailKind, Party, Position, ReadAttachment, ReadMail, read};

use super::reading::{self, from_elsewhere};
use crate::workflows::inbound::{self, InboundError};

/// How long the store of files may take to take one file.
const KEEPING: Duration = Duration::from_secs(60);

/// What is done with a mail.
enum Act<'m> {
    /// It is passed over.
    Nothing(&'static str),
    /// A person wrote.
    Receive(&'m Party),
    /// A machine answered for a person: it stands aside where the talk is, and nothing else.
    Aside,
    /// A mail of ours did not arrive.
    Report(Box<DeliveryReport>, &'m Bounce),
}

/// Why a mail was not taken in, which waits for it where it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    /// The database is away, or busy.
    #[error("{0}")]
    Database(String),
    /// It cannot be kept as it is: the store of files is away, or the database refuses it.
    #[error("{0}")]
    NotStorable(String),
}

impl From<DbError> for NotTaken {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Query(_) => Self::NotStorable(error.to_string()),
            error => Self::Database(error.to_string()),
        }
    }
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
) -> Result<bool, NotTaken> {
    let now = db.clock().now();
    // One that breaks what reads it is not read again and again.
    let mut mail = std::panic::catch_unwind(|| read(&fetched.raw))
        .ok()
        .and_then(Result::ok);
    let attachments = mail.as_mut().map(|mail| std::mem::take(&mut mail.attachments));
    let act = mail
        .as_ref()
        .map_or(Act::Nothing("unreadable"), |mail| judge(inbox, mail, now));
    let (kept, notes) = match (&act, &mail) {
        (Act::Receive(_), Some(mail)) => {
            let is_whole = fetched.is_whole && mail.complete;
            let (kept, mut notes) = keep(files, system, attachments.unwrap_or_default(), is_whole, now).await?;
            notes.extend(reading::wants_elsewhere(mail));
            (kept, notes)
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
            let id = reading::id_of(mail, &fetched.raw);
            match &act {
                Act::Nothing(_) => Ok(Stored::WithoutFiles),
                Act::Report(told, bounce) => {
                    report(tx, inbox, (mail, id), told, bounce).await?;
                    Ok(Stored::WithoutFiles)
                }
                Act::Aside => {
                    if let Some(conversation) = thread(tx, inbox.id, mail).await? {
                        let inbound = reading::aside(mail, id, "Resposta automática", now);
                        messages::receive_aside(tx, inbox, conversation, &inbound).await?;
                    }
                    Ok(Stored::WithoutFiles)
                }
                Act::Receive(from) => {
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
        Err(error) => match error.db_error() {
            Some(DbError::Query(_)) => Err(NotTaken::NotStorable(error.to_string())),
            Some(_) => Err(NotTaken::Database(error.to_string())),
            None => {
                tracing::warn!(inbox = %inbox.id, uid = fetched.uid, %error, "a mail could not be taken in, and was passed over");
                pass_over(db, system, inbox.id, (before, after)).await
            }
        },
    }
}

/// Goes on to the position `after`, with nothing stored; `false` when another look is there already.
pub(super) async fn pass_over(
    db: &Db,
    system: &System,
    inbox: InboxId,
    (before, after): (Option<Position>, Position),
) -> Result<bool, NotTaken> {
    let passed = db
        .write(system, async |tx| {
            if inboxes::take_turn(tx, inbox, before).await?.is_none() {
                return Ok(false);
            }
            inboxes::advance(tx, inbox, after).await?;
            Ok::<_, DbError>(true)
        })
        .await;
    Ok(passed?)
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
            Some(report) => Act::Report(Box::new(report), bounce),
            None => Act::Nothing("bounce_of_nothing_known"),
        },
        (MailKind::Looping, _) => Act::Nothing("looping"),
        (MailKind::Bulk, _) => Act::Nothing("bulk"),
        (MailKind::Automatic, _) => Act::Aside,
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
) -> Result<(Vec<InboundFile>, Vec<String>), NotTaken> {
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
        let key = key_of(system.clinic(), id);
        let keeping = tokio::time::timeout(KEEPING, files.keep(&key, chunks, MOST_BYTES));
        let file = match keeping.await {
            Ok(Ok(file)) => file,
            // Another attempt would come to the same, and hold up the mails behind it.
            Ok(Err(KeepError::TooLarge { .. })) => {
                notes.push(format!("[Anexo não recebido: {name}]"));
                continue;
            }
            Ok(Err(error)) => return Err(NotTaken::NotStorable(error.to_string())),
            Err(_elapsed) => return Err(NotTaken::NotStorable("the store of files does not answer".to_owned())),
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
    let known = identities::contacts_of(tx, inbox.id, &identity).await?;
    let sender = match known.into_iter().flatten().next() {
        Some(contact) => Some(contact),
        None => contacts::people::senders::by_email(tx, &from.address).await?,
    };
    inbound.provider_id = known_as(tx, inbox.id, mail, (&inbound.provider_id, &from.address), sender).await?;
    if sender.is_none()
        && let Some(conversation) = thread(tx, inbox.id, mail).await?
    {
        inbound.address = None;
        inbound.body = from_elsewhere(&from.address, &inbound.body);
        let contact = conversations::threads::find(tx, conversation)
            .await
            .map_err(MessageError::from)?
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

/// Takes in what a server reports of a mail of ours. One that is about another address than the mail went to may come from anybody
/// who has seen the mail, or from a server behind a forwarding address: it stands aside in the talk, and a person judges it.
async fn report(
    tx: &mut TenantTx<'_>,
    inbox: &Inbox,
    (mail, id): (&ReadMail, String),
    told: &DeliveryReport,
    bounce: &Bounce,
) -> Result<(), InboundError> {
    let Some(reference) = told.reference else { return Ok(()) };
    let message = match messages::find(tx, reference).await {
        Ok(message) => message,
        Err(RowError::NotFound(_)) => return Ok(()),
        Err(error) => return Err(MessageError::from(error).into()),
    };
    let conversation = conversations::threads::find(tx, message.conversation_id)
        .await
        .map_err(MessageError::from)?;
    if conversation.inbox_id != inbox.id {
        return Ok(());
    }
    let address = conversation
        .address
        .as_deref()
        .and_then(|text| EmailAddress::parse(text).ok());
    if address.is_some_and(|address| bounce.has_failed_for(&address)) {
        messages::delivered(tx, told).await?;
    } else {
        let inbound = reading::aside(mail, id, "Aviso de e-mail não entregue", told.at);
        messages::receive_aside(tx, inbox, conversation.id, &inbound).await?;
    }
    Ok(())
}

/// By what the mail is known again. Anybody can write a mail with the id of another one: what is known by it must be of the same
/// person, or in the conversation that this mail answers; else it is told apart by its sender as well.
async fn known_as(
    tx: &TenantTx<'_>,
    inbox: InboxId,
    mail: &ReadMail,
    (id, from): (&str, &EmailAddress),
    sender: Option<ContactId>,
) -> Result<String, InboundError> {
    let Some(known) = messages::conversation_of(tx, inbox, &[id.to_owned()]).await? else {
        return Ok(id.to_owned());
    };
    let of = conversations::threads::find(tx, known)
        .await
        .map_err(MessageError::from)?;
    let is_same = match sender {
        Some(sender) => sender == of.contact_id,
        None => thread(tx, inbox, mail).await? == Some(known),
    };
    // No id of a mail has a space in it.
    Ok(if is_same {
        id.to_owned()
    } else {
        format!("{id} {}", from.as_str())
    })
}
