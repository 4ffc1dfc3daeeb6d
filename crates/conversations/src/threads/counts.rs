//! How much is to do in each inbox, by one statement.

use db::schema::conversations;
use db::{DbError, TenantRead};
use diesel::dsl::{count, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use kernel::{InboxId, MembershipId};
use rest::View;
use serde::Serialize;
use utoipa::ToSchema;

use super::model::Status;

/// How many conversations of one inbox, or of all, are to be looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Counts {
    /// Open ones.
    open: i64,
    /// Not resolved, with messages that nobody has seen.
    unread: i64,
    /// Open ones that the caller looks after.
    mine: i64,
    /// Open ones that nobody looks after.
    unassigned: i64,
}

/// The counts of one inbox.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct InboxCounts {
    /// The inbox.
    inbox_id: InboxId,
    #[serde(flatten)]
    counts: Counts,
}

/// The counts of all inboxes that have conversations which are not resolved.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CountsView {
    /// Over all inboxes.
    total: Counts,
    /// For each inbox.
    inboxes: Vec<InboxCounts>,
}

impl View for CountsView {}

/// Counts, for the member `me`.
pub(super) async fn count_all(tx: &TenantRead<'_>, me: Option<MembershipId>) -> Result<CountsView, DbError> {
    let open = conversations::status.eq(Status::Open);
    let mine = open.and(conversations::assignee_id.is_not_distinct_from(me).and(
        // Nobody's are nobody's, also for who is no member.
        conversations::assignee_id.is_not_null(),
    ));
    let rows: Vec<(InboxId, i64, i64, i64, i64)> = conversations::table
        .filter(conversations::clinic_id.eq(tx.clinic()))
        // Written out, so that the index of those not resolved can serve.
        .filter(sql::<Bool>("conversations.status <> 'resolved'"))
        .group_by(conversations::inbox_id)
        .order(conversations::inbox_id)
        .select((
            conversations::inbox_id,
            count(conversations::id).aggregate_filter(open),
            count(conversations::id).aggregate_filter(conversations::unread_count.gt(0)),
            count(conversations::id).aggregate_filter(mine),
            count(conversations::id).aggregate_filter(open.and(conversations::assignee_id.is_null())),
        ))
        .load(&mut tx.conn())
        .await?;
    let mut total = Counts::default();
    let inboxes = rows
        .into_iter()
        .map(|(inbox_id, open, unread, mine, unassigned)| {
            total.open += open;
            total.unread += unread;
            total.mine += mine;
            total.unassigned += unassigned;
            InboxCounts {
                inbox_id,
                counts: Counts {
                    open,
                    unread,
                    mine,
                    unassigned,
                },
            }
        })
        .collect();
    Ok(CountsView { total, inboxes })
}
