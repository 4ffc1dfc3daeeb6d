//! Making, revoking and reading feeds.

use auth::secrets::CalendarFeedToken;
use chrono::TimeDelta;
use db::{AuditRecord, Db, DbError, TenantRead, TenantTx};
use kernel::{CalendarFeedId, System, TimeSlot, Version};

use super::error::FeedError;
use super::ics::{Certainty, Entry, Heading, Language, Visitor};
use super::model::{Feed, FeedRow, NewFeed, OpenFeed, Scope};
use super::store;
use crate::tags;

/// A feed is noted as read at most this often: calendar programs come every few minutes.
const NOTE_READS_EVERY: TimeDelta = TimeDelta::hours(1);

/// Makes a feed; the token is shown now and never again.
///
/// # Errors
/// [`FeedError`] when practitioner or room do not exist.
pub(super) async fn create(tx: &mut TenantTx<'_>, new: &NewFeed) -> Result<(Feed, CalendarFeedToken), FeedError> {
    let token = CalendarFeedToken::generate(tx.clinic())?;
    let feed = store::insert(tx, new, &token.hash()).await?;
    tx.audit(
        AuditRecord::new("calendar_feeds.create", "calendar_feed", feed.id.as_uuid())
            .with_detail(serde_json::json!({ "show_contact_names": feed.show_contact_names })),
    );
    tx.touch(tags::calendar_feeds());
    Ok((feed, token))
}

/// Revokes a feed: its address answers no more from now on. One that is revoked already stays so.
///
/// # Errors
/// [`FeedError::NotFound`], or [`FeedError::Stale`] when it is not at the version `expected`.
pub(super) async fn revoke(
    tx: &mut TenantTx<'_>,
    id: CalendarFeedId,
    expected: Option<Version>,
) -> Result<(), FeedError> {
    if !store::revoke(tx, id, expected).await? {
        let feed = store::find(tx, id).await?;
        return if feed.archived_at.is_some() {
            Ok(())
        } else {
            Err(FeedError::Stale)
        };
    }
    tx.audit(AuditRecord::new("calendar_feeds.revoke", "calendar_feed", id.as_uuid()));
    tx.touch(tags::calendar_feeds());
    Ok(())
}

/// What a feed shows at this moment.
#[derive(Debug)]
pub(super) struct Agenda {
    pub(super) feed: CalendarFeedId,
    pub(super) heading: Heading,
    pub(super) entries: Vec<Entry>,
    /// Whether it is time to note that the feed is in use.
    pub(super) note_read: bool,
}

/// What the feed that `token` opens shows. The address alone opens it, so the caller is the system, for that feed's clinic.
///
/// # Errors
/// [`FeedError::NotFound`] when no feed has this token, or it was revoked.
pub(super) async fn read(tx: &TenantRead<'_>, token: &CalendarFeedToken) -> Result<Agenda, FeedError> {
    let OpenFeed {
        id,
        name,
        practitioner_id,
        room_id,
        show_contact_names,
        last_read_at,
        zone,
        locale,
    } = store::open(tx, &token.hash()).await?;
    let (rows, is_cut) = store::entries(tx, Scope::of(practitioner_id, room_id)).await?;
    Ok(Agenda {
        feed: id,
        heading: Heading {
            name: name.as_str().to_owned(),
            language: Language::of(&locale),
            zone,
            cut_at: is_cut.then_some(store::MOST_EACH_WAY),
        },
        entries: rows
            .into_iter()
            .filter_map(|row| entry(row, show_contact_names))
            .collect(),
        note_read: last_read_at.is_none_or(|last| tx.now().since(last) > NOTE_READS_EVERY),
    })
}

/// The row as a calendar entry; none for a row whose times make no slot, which a constraint forbids.
fn entry(row: FeedRow, show_contact_names: bool) -> Option<Entry> {
    let FeedRow {
        id,
        starts_at,
        ends_at,
        status,
        sequence,
        created_at,
        updated_at,
        contact_name,
        contact_social_name,
        practitioner_name,
        room_name,
        service_name,
    } = row;
    // The name by which a person wants to be called (Decreto 8.727/2016).
    let name = contact_social_name.unwrap_or(contact_name);
    let visitor = if show_contact_names {
        Visitor::Named {
            name,
            service: service_name,
        }
    } else {
        Visitor::initials_of(&name)
    };
    Some(Entry {
        id,
        slot: TimeSlot::new(starts_at, ends_at).ok()?,
        certainty: Certainty::of(&status),
        sequence: u32::try_from(sequence).unwrap_or_default(),
        created_at,
        updated_at,
        visitor,
        practitioner: practitioner_name,
        room: room_name,
    })
}

/// Notes that the feed `id` is in use.
///
/// # Errors
/// The database's failure.
pub(super) async fn note_read(db: &Db, caller: &System, id: CalendarFeedId) -> Result<(), DbError> {
    db.write(caller, async |tx| {
        let lately = tx.now().saturating_add(-NOTE_READS_EVERY);
        if store::note_read(tx, id, lately).await? {
            tx.touch(tags::calendar_feeds());
        }
        Ok(())
    })
    .await
}
