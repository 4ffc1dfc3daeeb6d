//! Writes invented conversations of one loaded clinic by COPY, all of them or none.

pub mod plan;

use kernel::{ClinicId, ContactId, MembershipId, Timestamp, UserId};
use tokio_postgres::Transaction;
use uuid::Uuid;

use crate::database::{CopyIn, told};
use crate::load::Target;
use plan::{Amounts, Conversation, DAYS, INBOXES, Message, Person, Talks};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Conversations.
    pub conversations: usize,
    /// Messages.
    pub messages: usize,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// There is no such clinic, or nobody works there.
    #[error("there is no clinic {0} with somebody in it: load it first")]
    NoClinic(String),
    /// Nobody is there to write.
    #[error("the clinic has no people")]
    NoPeople,
    /// It was done before.
    #[error("the clinic has inboxes already; `load --again` empties it")]
    AlreadyThere,
    /// The database could not be reached, or refused.
    #[error("the database refused: {}", told(.0))]
    Database(#[from] tokio_postgres::Error),
}

/// Where rows are written, and by whom the clinic's answers are said to be.
struct Place {
    clinic: ClinicId,
    member: MembershipId,
    user: UserId,
}

/// Gives the clinic `slug` inboxes, and conversations with its people before `now`, in one transaction; then has the tables'
/// statistics made.
///
/// # Errors
/// [`TalkError`]; nothing was written then.
pub async fn load(
    target: &Target,
    slug: &str,
    amounts: Amounts,
    seed: u64,
    now: Timestamp,
) -> Result<Written, TalkError> {
    let first = now.saturating_add(-chrono::TimeDelta::days(DAYS));
    // Those months, and the present one where it is not there yet.
    target.months_of_messages(first, 4).await?;
    let mut connection = target.bulk().await?;
    let transaction = connection.transaction().await?;
    let place = place(&transaction, slug).await?;
    let people = people(&transaction, place.clinic, amounts.conversations).await?;
    let talks = Talks::invent(&people, amounts, seed, now);
    write(&transaction, &place, &talks).await?;
    transaction.commit().await?;
    target
        .tidy(["inboxes", "conversations", "messages"].into_iter())
        .await?;
    Ok(Written {
        conversations: talks.conversations.len(),
        messages: talks.messages(),
    })
}

async fn place(transaction: &Transaction<'_>, slug: &str) -> Result<Place, TalkError> {
    let row = transaction
        .query_opt(
            "SELECT c.id, m.id, m.user_id, EXISTS (SELECT FROM inboxes i WHERE i.clinic_id = c.id)
             FROM clinics c JOIN memberships m ON m.clinic_id = c.id
             WHERE c.slug = $1 AND m.archived_at IS NULL ORDER BY m.id LIMIT 1",
            &[&slug],
        )
        .await?
        .ok_or_else(|| TalkError::NoClinic(slug.to_owned()))?;
    if row.try_get(3)? {
        return Err(TalkError::AlreadyThere);
    }
    Ok(Place {
        clinic: ClinicId::from_uuid(row.try_get(0)?),
        member: MembershipId::from_uuid(row.try_get(1)?),
        user: UserId::from_uuid(row.try_get(2)?),
    })
}

/// Up to `most` people of the clinic with their phones.
async fn people(transaction: &Transaction<'_>, clinic: ClinicId, most: usize) -> Result<Vec<Person>, TalkError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = transaction
        .query(
            "SELECT c.id, p.number FROM contacts c
             LEFT JOIN contact_phones p ON p.clinic_id = c.clinic_id AND p.contact_id = c.id AND p.is_primary
             WHERE c.clinic_id = $1 AND c.archived_at IS NULL ORDER BY c.id LIMIT $2",
            &[clinic.as_uuid(), &most],
        )
        .await?;
    if rows.is_empty() {
        return Err(TalkError::NoPeople);
    }
    let person = |row: &tokio_postgres::Row| {
        Ok(Person {
            id: ContactId::from_uuid(row.try_get::<_, Uuid>(0)?),
            phone: row.try_get(1)?,
        })
    };
    rows.iter().map(person).collect()
}

async fn write(transaction: &Transaction<'_>, place: &Place, talks: &Talks) -> Result<(), TalkError> {
    let mut inboxes = CopyIn::begin(transaction, "inboxes", "clinic_id, id, channel, name, token_hash").await?;
    for (id, (channel, name)) in talks.inboxes.iter().zip(INBOXES) {
        let row = inboxes
            .rows
            .column(place.clinic)
            .column(id)
            .column(channel)
            .column(name);
        // Nobody has a token of it.
        row.column(format_args!("\\x{}", id.as_uuid().simple())).end();
    }
    inboxes.finish().await?;
    let mut writing = CopyIn::begin(
        transaction,
        "conversations",
        "clinic_id, id, inbox_id, contact_id, address, status, assignee_id, waiting_since, last_message_at, last_message_preview, \
         last_message_direction, last_inbound_at, unread_count, message_count, resolved_at, created_at, updated_at",
    )
    .await?;
    for talk in &talks.conversations {
        conversation(&mut writing, place, talk);
        writing.pass_on().await?;
    }
    writing.finish().await?;
    let mut writing = CopyIn::begin(
        transaction,
        "messages",
        "clinic_id, id, conversation_id, number, direction, kind, body, author_kind, author_id, delivery, sent_at, delivered_at, \
         read_at, created_at, updated_at",
    )
    .await?;
    for talk in &talks.conversations {
        for (number, said) in (1_u32..).zip(&talk.messages) {
            message(&mut writing, place, talk, number, said);
        }
        writing.pass_on().await?;
    }
    writing.finish().await?;
    Ok(())
}

fn direction(message: &Message) -> &'static str {
    if message.is_inbound { "inbound" } else { "outbound" }
}

fn conversation(writing: &mut CopyIn, place: &Place, talk: &Conversation) {
    let last = talk.messages.last();
    let last_at = last.map_or(talk.begun_at, |message| message.sent_at);
    // What came after the clinic's last answer waits, unless the talk is over.
    let unanswered = talk.messages.iter().rev().take_while(|message| message.is_inbound);
    let unanswered = if talk.status == "resolved" {
        0
    } else {
        unanswered.count()
    };
    let answered = talk.messages.len() - unanswered;
    let waiting_since = talk.messages.get(answered..).and_then(<[_]>::first);
    let last_inbound = talk.messages.iter().rev().find(|message| message.is_inbound);
    let rows = writing.rows.column(place.clinic).column(talk.id).column(talk.inbox);
    rows.column(talk.contact)
        .nullable(talk.address.as_deref())
        .column(talk.status);
    rows.nullable(talk.is_assigned.then_some(place.member))
        .nullable(waiting_since.map(|message| message.sent_at))
        .column(last_at);
    rows.nullable(last.map(|message| message.body.as_str()))
        .nullable(last.map(direction))
        .nullable(last_inbound.map(|message| message.sent_at));
    rows.column(unanswered).column(talk.messages.len());
    rows.nullable((talk.status == "resolved").then_some(last_at))
        .column(talk.begun_at)
        .column(last_at)
        .end();
}

fn message(writing: &mut CopyIn, place: &Place, talk: &Conversation, number: u32, said: &Message) {
    let sent_by_clinic = !said.is_inbound;
    let rows = writing.rows.column(place.clinic).column(said.id).column(talk.id);
    rows.column(number)
        .column(direction(said))
        .column("text")
        .column(&said.body);
    rows.column(if sent_by_clinic { "member" } else { "contact" })
        .nullable(sent_by_clinic.then_some(place.user))
        .nullable(sent_by_clinic.then_some("read"));
    rows.column(said.sent_at)
        .nullable(sent_by_clinic.then_some(said.sent_at))
        .nullable(sent_by_clinic.then_some(said.sent_at));
    rows.column(said.sent_at).column(said.sent_at).end();
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, SystemClock};
    use test_support::{Role, TestDatabase};

    use super::*;

    const AMOUNTS: Amounts = Amounts {
        conversations: 30,
        messages: 600,
    };

    #[tokio::test]
    async fn conversations_go_in_once_and_say_of_themselves_what_their_messages_say() {
        let Some(database) = TestDatabase::create().await else {
            return;
        };
        let target = Target {
            maintenance: database.url(Role::Maintenance).into(),
            owner: database.url(Role::Owner).into(),
        };
        let write = async |slug| load(&target, slug, AMOUNTS, 7, SystemClock.now()).await;
        let maintenance = database.connect(Role::Maintenance).await;
        let slug: String = maintenance
            .query_one("SELECT slug FROM clinics ORDER BY slug LIMIT 1", &[])
            .await
            .unwrap()
            .get(0);
        let written = write(&slug).await.unwrap();
        assert_eq!(written.conversations, 30);
        let row = maintenance
            .query_one(
                "SELECT count(*), sum(v.message_count)::bigint, (SELECT count(*) FROM messages),
                        (SELECT count(*) FROM messages_default),
                        count(*) FILTER (WHERE v.last_message_at <> (SELECT max(m.sent_at) FROM messages m
                            WHERE m.clinic_id = v.clinic_id AND m.conversation_id = v.id))
                 FROM conversations v JOIN clinics c ON c.id = v.clinic_id WHERE c.slug = $1",
                &[&slug],
            )
            .await
            .unwrap();
        let [talks, counted, messages, out_of_place, differing] =
            [0, 1, 2, 3, 4].map(|column| row.get::<_, i64>(column));
        assert_eq!(talks, 30);
        assert_eq!(
            (counted, usize::try_from(messages).unwrap()),
            (messages, written.messages)
        );
        assert_eq!((out_of_place, differing), (0, 0));
        assert!(matches!(write(&slug).await, Err(TalkError::AlreadyThere)));
        assert!(matches!(write("nowhere").await, Err(TalkError::NoClinic(_))));
    }
}
