//! The SQL of the feed.

use db::schema::functions::oldest_open_transaction;
use db::schema::outbox;
use db::{DbError, QueryResultExt as _, TenantRead};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{EventId, Timestamp};
use serde_json::Value;

/// The class of rows that tell what happened, in the outbox.
const EVENT: &str = "event";

/// Where an event stands in the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Queryable)]
#[diesel(check_for_backend(Pg))]
pub(super) struct Position {
    pub(super) transaction: i64,
    pub(super) id: EventId,
}

/// An event.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outbox, check_for_backend(Pg))]
pub(super) struct EventRow {
    pub(super) id: EventId,
    pub(super) kind: String,
    pub(super) created_at: Timestamp,
    pub(super) payload: Value,
}

/// Where the event stands and when it happened, where it is still kept.
pub(super) async fn position_of(tx: &TenantRead<'_>, id: EventId) -> Result<Option<(Position, Timestamp)>, DbError> {
    outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::id.eq(id))
        .filter(outbox::class.eq(EVENT))
        .select(((outbox::changed_in, outbox::id), outbox::created_at))
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// Up to `most` settled events of `kinds` that come after a position, the first first.
pub(super) async fn after(
    tx: &TenantRead<'_>,
    position: Option<Position>,
    kinds: &[&str],
    most: i64,
) -> Result<Vec<EventRow>, DbError> {
    let mut query = outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::class.eq(EVENT))
        .filter(outbox::changed_in.lt(oldest_open_transaction()))
        .filter(outbox::kind.eq_any(kinds))
        .order((outbox::changed_in, outbox::id))
        .limit(most)
        .select(EventRow::as_select())
        .into_boxed::<Pg>();
    if let Some(Position { transaction, id }) = position {
        // Said twice, so that the index is entered at the place where the feed goes on.
        query = query.filter(outbox::changed_in.ge(transaction)).filter(
            outbox::changed_in
                .gt(transaction)
                .or(outbox::changed_in.eq(transaction).and(outbox::id.gt(id))),
        );
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// Where the last settled event stands, of whatever kind.
pub(super) async fn last(tx: &TenantRead<'_>) -> Result<Option<Position>, DbError> {
    outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::class.eq(EVENT))
        .filter(outbox::changed_in.lt(oldest_open_transaction()))
        .order((outbox::changed_in.desc(), outbox::id.desc()))
        .select((outbox::changed_in, outbox::id))
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}
