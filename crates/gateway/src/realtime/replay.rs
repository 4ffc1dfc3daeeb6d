//! What is read from the outbox: everything that may have happened since a position, in the order in which it was written.

use bus::Told;
use chrono::TimeDelta;
use db::schema::functions::oldest_open_transaction;
use db::schema::outbox;
use db::{DbError, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{EventId, Timestamp};
use serde_json::Value;

use super::frames::moment_of;
use super::room::Since;

/// How far one can go back.
const KEPT: TimeDelta = TimeDelta::hours(1);

/// How long an event may be on its way from its commit to all sockets: the keeper looks once a second, and while it cannot,
/// nothing at all is sent. A client that has seen an event may be missing others that were committed so long before it.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(10);

/// So many events are read at a time.
pub(super) const PAGE: i64 = 500;

/// Where an event stands in the outbox.
pub(super) type Position = (i64, EventId);

/// The oldest transaction that may still commit.
pub(super) async fn oldest_open(tx: &TenantRead<'_>) -> Result<i64, DbError> {
    Ok(diesel::select(oldest_open_transaction())
        .get_result(&mut tx.conn())
        .await?)
}

/// From where on somebody who comes now hears everything.
pub(super) async fn since_now(tx: &TenantRead<'_>) -> Result<Since, DbError> {
    let horizon = oldest_open(tx).await?;
    let known = outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::class.eq("event"))
        .filter(outbox::changed_in.ge(horizon))
        .select(outbox::id)
        .load(&mut tx.conn())
        .await?;
    Ok(Since { horizon, known })
}

/// From where on to read for somebody who has seen `last`.
pub(super) enum Start {
    /// From this transaction on.
    From(i64),
    /// It is not known, or was another clinic's.
    Unknown,
    /// It is too old.
    TooOld,
}

/// Where somebody begins who has seen `last`: at the oldest transaction that may have been open [`ON_ITS_WAY`] before `last`
/// was written. Whatever is of an older one was told before.
pub(super) async fn start_after(tx: &TenantRead<'_>, last: EventId) -> Result<Start, DbError> {
    if moment_of(last).is_none_or(|moment| tx.now().since(moment) > KEPT) {
        return Ok(Start::TooOld);
    }
    let written: Option<Timestamp> = outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::id.eq(last))
        .filter(outbox::class.eq("event"))
        .select(outbox::written_at)
        .first(&mut tx.conn())
        .await
        .optional()?;
    let Some(written) = written else {
        return Ok(Start::Unknown);
    };
    let settled: Option<i64> = outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::class.eq("event"))
        .filter(outbox::written_at.le(written.saturating_add(-ON_ITS_WAY)))
        .order((outbox::changed_in.desc(), outbox::id.desc()))
        .select(outbox::seen_from)
        .first(&mut tx.conn())
        .await
        .optional()?;
    // Where nothing is that old, everything that there is is recent.
    Ok(Start::From(settled.unwrap_or(i64::MIN)))
}

/// An event, and where it stands.
#[derive(Queryable)]
struct Row {
    changed_in: i64,
    id: EventId,
    kind: String,
    payload: Value,
}

/// Up to [`PAGE`] events from the transaction `from` on that stand after `after`, and where the last of them stands; `None`
/// when it was the last page.
pub(super) async fn page(
    tx: &TenantRead<'_>,
    from: i64,
    after: Option<Position>,
) -> Result<(Vec<Told>, Option<Position>), DbError> {
    let mut query = outbox::table
        .filter(outbox::clinic_id.eq(tx.clinic()))
        .filter(outbox::class.eq("event"))
        .filter(outbox::changed_in.ge(from))
        .order((outbox::changed_in, outbox::id))
        .limit(PAGE)
        .select((outbox::changed_in, outbox::id, outbox::kind, outbox::payload))
        .into_boxed();
    if let Some((changed_in, id)) = after {
        query = query.filter(
            outbox::changed_in
                .gt(changed_in)
                .or(outbox::changed_in.eq(changed_in).and(outbox::id.gt(id))),
        );
    }
    let rows: Vec<Row> = query.load(&mut tx.conn()).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= PAGE);
    let last = rows.last().filter(|_| full).map(|row| (row.changed_in, row.id));
    let recent = |row: &Row| moment_of(row.id).is_some_and(|moment| tx.now().since(moment) <= KEPT);
    let events = rows
        .into_iter()
        .filter(recent)
        .map(|Row { id, kind, payload, .. }| Told { id, kind, payload })
        .collect();
    Ok((events, last))
}
