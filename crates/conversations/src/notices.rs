//! What the system writes by itself: reminders, offers, confirmations. By which channel, whether the person wants it, and what
//! stands in the way (docs/adr/0016).

use chrono::TimeDelta;
use db::schema::{contact_consents, conversations, inboxes};
use db::{DbError, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ContactId, ConversationId, Lane};

use crate::channels::ChannelKind;
use crate::inboxes::Inbox;
use crate::messages::{self, Draft, DraftContent, Message, MessageError, MessageText};
use crate::templates::{self, Template};
use crate::threads::store as threads;
use crate::threads::{self as talks, Conversation, ConversationError, NewConversation, Priority, Status};

/// For how long after their last words a visitor of the web chat is taken to come back to its page.
const VISITOR_COMES_BACK: TimeDelta = TimeDelta::days(7);

/// When something may be sent without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// It is part of what the person has asked for, such as the news that their appointment was moved (LGPD, art. 7, V).
    NotAsked,
    /// Part of care, unless the person has said that they do not want it: reminders, offers of an earlier time.
    UnlessRefused,
    /// Only if the person has said that they want it (LGPD, art. 7, I): news, offers for sale.
    OnlyIfGranted,
}

/// Why something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose {
    /// The purpose under which consents are recorded.
    pub name: &'static str,
    /// What it takes.
    pub consent: Consent,
    /// How urgent it is.
    pub lane: Lane,
}

impl Purpose {
    /// That an appointment was booked, moved or cancelled.
    pub const APPOINTMENT_CHANGES: Self = Self {
        name: "appointment_changes",
        consent: Consent::NotAsked,
        lane: Lane::Clinical,
    };
    /// That an appointment is near.
    pub const APPOINTMENT_REMINDERS: Self = Self {
        name: "appointment_reminders",
        consent: Consent::UnlessRefused,
        lane: Lane::Clinical,
    };
    /// That a time has become free which the person waits for.
    pub const WAITLIST_OFFERS: Self = Self {
        name: "waitlist_offers",
        consent: Consent::UnlessRefused,
        lane: Lane::Clinical,
    };
    /// News and offers for sale.
    pub const MARKETING: Self = Self {
        name: "marketing",
        consent: Consent::OnlyIfGranted,
        lane: Lane::Bulk,
    };
}

/// What is to be said.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Why.
    pub purpose: Purpose,
    /// The words.
    pub text: MessageText,
    /// What it is about, where a mail has to be begun.
    pub subject: String,
    /// The language and country in which it is said, such as `pt-BR` (RFC 5646): a template is taken in this language.
    pub locale: String,
    /// The template to use where WhatsApp takes no free text: its name, and what stands in its places. A template with fewer
    /// places takes the first of these.
    pub template: Option<(String, Vec<String>)>,
    /// The only channel by which it may go; any when none.
    pub channel: Option<ChannelKind>,
}

/// What became of a notice.
#[derive(Debug, Clone)]
pub enum Sending {
    /// It waits to be sent.
    Queued(Box<Message>),
    /// It is not sent.
    NotSent(NotSent),
}

/// Why a notice is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSent {
    /// The person does not want it, or has not said that they do.
    NoConsent,
    /// They have no mobile phone and no e-mail address that an inbox of the clinic could write to.
    NoWay,
    /// Only WhatsApp would reach them, and it takes no free text now, nor is there an approved template.
    WindowClosed,
    /// There is no such contact, or it was merged into another.
    NoContact,
}

/// Writes `notice` to a contact by the way that reaches them: the inbox of their latest conversation, else WhatsApp, else e-mail.
/// The web chat is the last way, and only while its visitor may come back to the page. A resolved conversation stays resolved, until the person answers.
///
/// # Errors
/// The database's failure; what stands in the way of sending is no error but told.
pub async fn send_to_contact(
    tx: &mut TenantTx<'_>,
    contact: ContactId,
    notice: &Notice,
) -> Result<Sending, MessageError> {
    if threads::reach(tx, contact).await?.is_none() {
        return Ok(Sending::NotSent(NotSent::NoContact));
    }
    if !is_wanted(tx, contact, notice.purpose).await? {
        return Ok(Sending::NotSent(NotSent::NoConsent));
    }
    let mut why_not = NotSent::NoWay;
    let is_allowed = |inbox: &Inbox| notice.channel.is_none_or(|channel| inbox.channel == channel);
    for (inbox, conversation) in ways(tx, contact).await? {
        if !is_allowed(&inbox) {
            continue;
        }
        match conversation {
            Some(conversation) => match draft(tx, &inbox, Some(&conversation), notice).await? {
                Some(draft) => return queue(tx, conversation.id, &draft).await,
                None => why_not = NotSent::WindowClosed,
            },
            None => match talks::reached_by(tx, &inbox, contact).await {
                Ok(_identity) => match draft(tx, &inbox, None, notice).await? {
                    Some(draft) => {
                        let conversation = begin(tx, &inbox, contact, notice).await?;
                        return queue(tx, conversation.id, &draft).await;
                    }
                    None => why_not = NotSent::WindowClosed,
                },
                Err(ConversationError::NoAddress) => {}
                Err(error) => return Err(error.into()),
            },
        }
    }
    Ok(Sending::NotSent(why_not))
}

async fn queue(tx: &mut TenantTx<'_>, id: ConversationId, draft: &Draft) -> Result<Sending, MessageError> {
    let message = messages::send(tx, id, draft).await?;
    Ok(Sending::Queued(Box::new(message)))
}

/// Whether the person's newest answer about the purpose allows it.
async fn is_wanted(tx: &TenantTx<'_>, contact: ContactId, purpose: Purpose) -> Result<bool, DbError> {
    if purpose.consent == Consent::NotAsked {
        return Ok(true);
    }
    let answer: Option<Option<bool>> = contact_consents::table
        .filter(contact_consents::clinic_id.eq(tx.clinic()))
        .filter(contact_consents::contact_id.eq(contact))
        .filter(contact_consents::purpose.eq(purpose.name))
        .order((contact_consents::recorded_at.desc(), contact_consents::id.desc()))
        .select(contact_consents::granted)
        .first(&mut tx.conn())
        .await
        .optional()?;
    let answer = answer.flatten();
    Ok(match purpose.consent {
        Consent::NotAsked => true,
        Consent::UnlessRefused => answer != Some(false),
        Consent::OnlyIfGranted => answer == Some(true),
    })
}

/// The ways to a contact, the best first: inboxes in use with the latest conversation in each, by what was last said, and then
/// those without one, WhatsApp before e-mail; at last the web chats in which they wrote not long ago.
async fn ways(tx: &TenantTx<'_>, contact: ContactId) -> Result<Vec<(Inbox, Option<Conversation>)>, DbError> {
    let inboxes: Vec<Inbox> = inboxes::table
        .filter(inboxes::clinic_id.eq(tx.clinic()))
        .filter(inboxes::archived_at.is_null())
        .filter(inboxes::channel.eq_any([ChannelKind::Whatsapp, ChannelKind::Email, ChannelKind::Webchat]))
        .order((inboxes::channel.desc(), inboxes::created_at, inboxes::id))
        .select(Inbox::as_select())
        .load(&mut tx.conn())
        .await?;
    let mut latest: Vec<Conversation> = conversations::table
        .filter(conversations::clinic_id.eq(tx.clinic()))
        .filter(conversations::contact_id.eq(contact))
        .filter(conversations::continued_in_id.is_null())
        .distinct_on(conversations::inbox_id)
        .order((
            conversations::inbox_id,
            // One that is not resolved before any that is.
            conversations::resolved_at.desc().nulls_first(),
            conversations::last_message_at.desc(),
        ))
        .select(Conversation::as_select())
        .load(&mut tx.conn())
        .await?;
    latest.sort_by_key(|one| std::cmp::Reverse(one.last_message_at));
    let still_there = tx.now().saturating_add(-VISITOR_COMES_BACK);
    let mut ways = Vec::new();
    let mut chats = Vec::new();
    for conversation in latest {
        let Some(inbox) = inboxes.iter().find(|inbox| inbox.id == conversation.inbox_id) else {
            continue;
        };
        if inbox.channel == ChannelKind::Webchat {
            if conversation.last_inbound_at.is_some_and(|last| last >= still_there) {
                chats.push((inbox.clone(), Some(conversation)));
            }
        } else if conversation.address.is_some() {
            ways.push((inbox.clone(), Some(conversation)));
        }
    }
    // Nobody is found in a web chat who has not begun it.
    for inbox in inboxes
        .into_iter()
        .filter(|inbox| inbox.channel != ChannelKind::Webchat)
    {
        if !ways.iter().any(|(known, _)| known.id == inbox.id) {
            ways.push((inbox, None));
        }
    }
    ways.extend(chats);
    Ok(ways)
}

/// What can be sent by this way; `None` where nothing can.
async fn draft(
    tx: &TenantTx<'_>,
    inbox: &Inbox,
    conversation: Option<&Conversation>,
    notice: &Notice,
) -> Result<Option<Draft>, DbError> {
    let of = |content| Draft {
        lane: notice.purpose.lane,
        ..Draft::of(content)
    };
    let last_inbound_at = conversation.and_then(|conversation| conversation.last_inbound_at);
    let is_open = talks::free_text_until(inbox.channel, last_inbound_at).is_some_and(|until| tx.now() < until);
    if inbox.channel != ChannelKind::Whatsapp || is_open {
        return Ok(Some(of(DraftContent::Text(notice.text.clone()))));
    }
    let Some((name, parameters)) = &notice.template else {
        return Ok(None);
    };
    let template: Option<Template> = templates::in_language(tx, inbox.id, name, &notice.locale).await?;
    Ok(template.and_then(|template| {
        let places = usize::try_from(template.parameter_count).unwrap_or(0);
        let parameters: Vec<String> = parameters.iter().take(places).cloned().collect();
        template.filled(&parameters).ok()?;
        Some(of(DraftContent::Template {
            template: template.id,
            parameters,
        }))
    }))
}

async fn begin(
    tx: &mut TenantTx<'_>,
    inbox: &Inbox,
    contact: ContactId,
    notice: &Notice,
) -> Result<Conversation, MessageError> {
    let new = NewConversation {
        inbox: inbox.id,
        contact,
        subject: (inbox.channel == ChannelKind::Email).then(|| notice.subject.clone()),
        assignee: None,
        priority: Priority::Normal,
        labels: Vec::new(),
        status: Status::Resolved,
    };
    Ok(talks::create(tx, new).await?)
}
