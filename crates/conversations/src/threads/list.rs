//! Lists of conversations: one statement, names and last words included.

use db::schema::functions::{contacts_by_digits, contacts_by_part_of_name, oldest_open_transaction, search_form};
use db::schema::{contacts, conversations, inboxes};
use db::{QueryResultExt, TenantRead, named_by};
use diesel::alias;
use diesel::dsl::{array, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Uuid};
use diesel_async::RunQueryDsl;
use kernel::text::{Label, PersonName};
use kernel::{ConversationId, Timestamp};
use rest::Paging;
use serde::{Deserialize, Serialize};

use super::filter::{Assignee, Criteria, Search};
use super::model::Conversation;
use crate::channels::ChannelKind;
use crate::error::{RowError, kind};

/// The orders of the list, the default one first.
pub(super) const SORTS: &[&str] = &["-last_message_at", "last_message_at", "waiting_since"];

/// The last character there is: what begins with a text lies between it and it with this behind, in the order of bytes.
const LAST_CHARACTER: &str = "\u{10ffff}";

/// Where a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) at: Timestamp,
    pub(super) id: ConversationId,
}

/// A conversation with the names that are shown with it.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) conversation: Conversation,
    pub(crate) contact_name: PersonName,
    pub(crate) inbox_name: Label,
    pub(crate) channel: ChannelKind,
}

type Row = (Conversation, PersonName, Option<PersonName>, Label, ChannelKind);

fn listed((conversation, name, social_name, inbox_name, channel): Row) -> Listed {
    Listed {
        conversation,
        contact_name: social_name.unwrap_or(name),
        inbox_name,
        channel,
    }
}

impl Listed {
    /// Where the page after this row begins, in the order `sort`.
    pub(super) fn position(&self, sort: &str) -> Position {
        let conversation = &self.conversation;
        let waiting = conversation.waiting_since.filter(|_| sort == "waiting_since");
        Position {
            at: waiting.unwrap_or(conversation.last_message_at),
            id: conversation.id,
        }
    }
}

/// Conversations with the rows whose names are shown with them.
macro_rules! with_names {
    () => {
        conversations::table
            .inner_join(named_by!(contacts, conversations::contact_id))
            .inner_join(named_by!(inboxes, conversations::inbox_id))
    };
}

/// The conversation `id` with its names.
pub(crate) async fn find(tx: &TenantRead<'_>, id: ConversationId) -> Result<Listed, RowError> {
    with_names!()
        .filter(conversations::clinic_id.eq(tx.clinic()).and(conversations::id.eq(id)))
        .select((
            Conversation::as_select(),
            contacts::name,
            contacts::social_name,
            inboxes::name,
            inboxes::channel,
        ))
        .first::<Row>(&mut tx.conn())
        .await
        .optional()
        .or_database::<RowError>()?
        .map(listed)
        .ok_or(RowError::NotFound(kind::CONVERSATION))
}

/// One page of the conversations that meet `criteria`.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    criteria: &Criteria,
    paging: &Paging<Position>,
) -> Result<Vec<Listed>, RowError> {
    use conversations::{id, last_message_at, waiting_since};
    let mut query = with_names!()
        .filter(conversations::clinic_id.eq(tx.clinic()))
        .into_boxed::<Pg>();
    if let Some(status) = criteria.status {
        query = query.filter(conversations::status.eq(status));
    }
    if let Some(inbox) = criteria.inbox {
        query = query.filter(conversations::inbox_id.eq(inbox));
    }
    query = match criteria.assignee {
        None => query,
        Some(Assignee::Nobody) => query.filter(conversations::assignee_id.is_null()),
        Some(Assignee::Member(member)) => query.filter(conversations::assignee_id.eq(member)),
        Some(Assignee::NoMember) => query.filter(sql::<Bool>("FALSE")),
    };
    if let Some(label) = &criteria.label {
        query = query.filter(conversations::labels.contains(vec![label]));
    }
    if let Some(priority) = criteria.priority {
        query = query.filter(conversations::priority.eq(priority));
    }
    // Written out, so that the partial index of unread ones can serve whatever the plan is made for.
    query = match criteria.unread {
        None => query,
        Some(true) => query.filter(sql::<Bool>("conversations.unread_count > 0")),
        Some(false) => query.filter(sql::<Bool>("conversations.unread_count = 0")),
    };
    if let Some(contact) = criteria.contact {
        query = query.filter(conversations::contact_id.eq(contact));
    }
    // Who was found is an array, of which each member is looked up: joined to them, the planner would rather go through all
    // conversations until it had met enough of these people.
    query = match &criteria.search {
        None => query,
        Some(Search::Name(words)) => {
            let named = alias!(contacts as named);
            let begins_so = named
                .filter(named.field(contacts::clinic_id).eq(tx.clinic()))
                .filter(named.field(contacts::search_name).ge(search_form(words)))
                .filter(
                    named
                        .field(contacts::search_name)
                        .lt(search_form(words).concat(LAST_CHARACTER)),
                )
                .select(named.field(contacts::id));
            let has_it_within = diesel::select(contacts_by_part_of_name(
                words,
                None::<bool>,
                None::<String>,
                None::<kernel::ContactId>,
                None::<i32>,
            ));
            query.filter(conversations::contact_id.eq_any(array::<Uuid, _>(begins_so.union_all(has_it_within))))
        }
        Some(Search::Digits(digits)) => query.filter(conversations::contact_id.eq_any(array::<Uuid, _>(
            diesel::select(contacts_by_digits(
                digits,
                digits.trim_start_matches('0'),
                None::<String>,
                None::<bool>,
                None::<String>,
                None::<kernel::ContactId>,
                None::<i32>,
            )),
        ))),
    };
    if let Some(since) = criteria.updated_since {
        query = query
            .filter(conversations::updated_at.ge(since))
            .filter(conversations::changed_in.lt(oldest_open_transaction()));
    }
    // The bound on the first column alone says nothing more than the condition behind it, but an index can begin there.
    let after = paging.after().copied();
    query = match (paging.sort(), after) {
        ("waiting_since", Some(after)) => query
            .filter(waiting_since.ge(after.at))
            .filter(waiting_since.gt(after.at).or(id.gt(after.id))),
        ("last_message_at", Some(after)) => query
            .filter(last_message_at.ge(after.at))
            .filter(last_message_at.gt(after.at).or(id.gt(after.id))),
        (_, Some(after)) => query
            .filter(last_message_at.le(after.at))
            .filter(last_message_at.lt(after.at).or(id.lt(after.id))),
        (_, None) => query,
    };
    let query = match paging.sort() {
        "waiting_since" => query
            .filter(waiting_since.is_not_null())
            .order((waiting_since.asc(), id.asc())),
        "last_message_at" => query.order((last_message_at.asc(), id.asc())),
        _ => query.order((last_message_at.desc(), id.desc())),
    };
    let rows: Vec<Row> = query
        .limit(paging.fetch())
        .select((
            Conversation::as_select(),
            contacts::name,
            contacts::social_name,
            inboxes::name,
            inboxes::channel,
        ))
        .load(&mut tx.conn())
        .await
        .or_database::<RowError>()?;
    Ok(rows.into_iter().map(listed).collect())
}
