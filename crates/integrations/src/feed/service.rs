//! The rules of the feed.

use chrono::TimeDelta;
use db::TenantRead;
use kernel::EventId;

use super::error::FeedError;
use super::store::{self, EventRow, Position};
use super::view::{EventPageInfo, EventPageView, EventView};

/// How long events are sure to be kept.
pub(super) const KEPT_FOR: TimeDelta = TimeDelta::days(30);

/// Up to `limit` events of `kinds` that come after the event `after`, or from the first that is kept. To be read in one snapshot.
pub(super) async fn read(
    tx: &TenantRead<'_>,
    after: Option<EventId>,
    kinds: &[&str],
    limit: u16,
) -> Result<EventPageView, FeedError> {
    let from = match after {
        None => None,
        Some(id) => Some(position_of(tx, id).await?),
    };
    let mut rows = store::after(tx, from, kinds, i64::from(limit) + 1).await?;
    let has_more = rows.len() > usize::from(limit);
    rows.truncate(usize::from(limit));
    let next_cursor = if has_more {
        rows.last().map(|row| row.id)
    } else {
        // All that was asked for was given: what stands behind it need not be looked through again.
        let last = store::last(tx).await?;
        last.max(from).map(|position| position.id)
    };
    let view = |EventRow {
                    id,
                    kind,
                    created_at,
                    payload,
                }| EventView::new(tx.clinic(), id, kind, created_at, payload);
    Ok(EventPageView {
        data: rows.into_iter().map(view).collect(),
        page: EventPageInfo { next_cursor, has_more },
    })
}

/// Where an event stands that is sure to be kept together with all that came after it.
async fn position_of(tx: &TenantRead<'_>, id: EventId) -> Result<Position, FeedError> {
    let (position, happened) = store::position_of(tx, id).await?.ok_or(FeedError::EventGone)?;
    if tx.now().since(happened) >= KEPT_FOR {
        return Err(FeedError::EventGone);
    }
    Ok(position)
}
