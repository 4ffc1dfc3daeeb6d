//! Mails fetched from a mailbox (IMAP4rev1, RFC 3501), a bounded batch at a time, from where the caller has come to.

mod session;
mod settings;

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::TryStreamExt as _;
use kernel::Timestamp;

use self::session::{Session, open};
pub use self::settings::ImapSettings;
use crate::reach::OutOfReach;

/// How far a mailbox was read: kept by the caller, in the transaction that stores what was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// Which numbering of the mailbox it is about. A mailbox that is made anew has another.
    pub uid_validity: u32,
    /// The last mail that was fetched; 0 before the first.
    pub last_uid: u32,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// With the oldest mail.
    Everything,
    /// With what comes from now on: the first call brings nothing but the position.
    Now,
    /// After this position; where the mailbox was numbered anew since, with the oldest mail.
    Position(Position),
    /// After this position; where the mailbox was numbered anew since, with what it has got since that instant: the rest lay there
    /// before, and is nobody's mail of today.
    PositionOrSince(Position, Timestamp),
}

/// What one call may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// The most mails.
    pub mails: usize,
    /// The most bytes of one mail; of a larger one only the beginning is brought.
    pub bytes_each: u32,
    /// About how many bytes in all: no further mail is begun beyond.
    pub bytes_in_all: u64,
    /// How long it may take in all, signing in included. What came until then is brought.
    pub time: Duration,
}

impl Default for FetchLimits {
    /// 50 mails, of 25 MiB each at most, as most servers take them, and 50 MiB together, within two and a half minutes.
    fn default() -> Self {
        Self {
            mails: 50,
            bytes_each: 25 << 20,
            bytes_in_all: 50 << 20,
            time: Duration::from_secs(150),
        }
    }
}

/// One mail of a mailbox.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its number in the mailbox.
    pub uid: u32,
    /// The mail, for [`read`](crate::read).
    pub raw: Vec<u8>,
    /// Whether `raw` is all of it, or the beginning of one that is too large.
    pub is_whole: bool,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Fetched")
            .field("uid", &self.uid)
            .field("bytes", &self.raw.len())
            .field("is_whole", &self.is_whole)
            .finish()
    }
}

/// What came since a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The mails, oldest first.
    pub mails: Vec<Fetched>,
    /// Where the next call begins, once these are stored.
    pub position: Position,
    /// Whether more waits there already.
    pub has_more: bool,
    /// Whether the mailbox was numbered anew since the position, so that mails come again: they are told by their ids.
    pub is_renumbered: bool,
}

/// Why nothing was fetched. What a server said is not repeated: it may quote a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The server could not be reached, or the connection broke: come again.
    #[error("the mailbox cannot be reached: {0}")]
    Unreachable(String),
    /// The server may not be connected to: it is not public, or its port is none of mail, and the operator does not allow it.
    #[error("{0}")]
    OutOfReach(OutOfReach),
    /// The server does not let this name and password in.
    #[error("the server of the mailbox refuses the name and password")]
    SignInRefused,
    /// There is no such mailbox, or it may not be read.
    #[error("the server has no such mailbox for this name")]
    NoMailbox,
    /// The server answered in a way that makes no sense.
    #[error("the server of the mailbox answered something else than was asked")]
    Protocol,
}

/// The beginning of a mail that is too large, in bytes: its headers, and what was written first.
const BEGINNING: u32 = 256 << 10;

/// How many sizes are asked for at once.
const SIZES_AT_ONCE: usize = 100;

/// By how much the clocks of a mail server and ours may differ.
const SKEW: TimeDelta = TimeDelta::hours(1);

/// Brings what the mailbox has got since `after`. Changes nothing there: the mailbox is opened to read only.
///
/// What came before the connection broke or the time was over is brought, so that a slow server gets on by every call.
///
/// # Errors
/// [`FetchError`], when nothing came.
pub async fn fetch_new(settings: &ImapSettings, after: After, limits: FetchLimits) -> Result<Batch, FetchError> {
    let mut begun = None;
    let ended = tokio::time::timeout(limits.time, fetch_into(&mut begun, settings, after, limits)).await;
    let fault = match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_elapsed) => Some(FetchError::Unreachable("no answer in time".to_owned())),
    };
    match (begun, fault) {
        (Some(batch), None) => Ok(batch),
        (Some(mut batch), Some(fault)) if !batch.mails.is_empty() => {
            tracing::info!(error = %fault, mails = batch.mails.len(), "a mailbox was read in part");
            batch.has_more = true;
            Ok(batch)
        }
        (_, fault) => Err(fault.unwrap_or(FetchError::Protocol)),
    }
}

/// Fetches into `begun`, which holds what came wherever this is cut off.
async fn fetch_into(
    begun: &mut Option<Batch>,
    settings: &ImapSettings,
    after: After,
    limits: FetchLimits,
) -> Result<(), FetchError> {
    let mut session = open(settings).await?;
    let fetched = fetch_batch(&mut session, begun, settings, after, limits).await;
    session.leave(settings).await;
    fetched
}

/// Marks mails as read.
///
/// # Errors
/// [`FetchError`]; also when the mailbox was numbered anew since, so that the numbers mean other mails.
pub async fn mark_seen(settings: &ImapSettings, uid_validity: u32, uids: &[u32]) -> Result<(), FetchError> {
    if uids.is_empty() {
        return Ok(());
    }
    let mut session = open(settings).await?;
    let marked = async {
        let mailbox = settings.within(session.imap.select(&settings.mailbox)).await?;
        if mailbox.uid_validity != Some(uid_validity) {
            return Err(FetchError::NoMailbox);
        }
        let marking = async {
            let answers = session.imap.uid_store(set_of(uids), "+FLAGS.SILENT (\\Seen)").await?;
            answers.try_for_each(|_| async { Ok(()) }).await
        };
        settings.within(marking).await
    }
    .await;
    session.leave(settings).await;
    marked
}

async fn fetch_batch(
    session: &mut Session,
    begun: &mut Option<Batch>,
    settings: &ImapSettings,
    after: After,
    limits: FetchLimits,
) -> Result<(), FetchError> {
    let mailbox = settings.within(session.imap.examine(&settings.mailbox)).await?;
    let uid_validity = mailbox.uid_validity.ok_or(FetchError::Protocol)?;
    let newest = || {
        mailbox
            .uid_next
            .map(|next| next.saturating_sub(1))
            .ok_or(FetchError::Protocol)
    };
    let empty = |last_uid, is_renumbered| Batch {
        mails: Vec::new(),
        position: Position { uid_validity, last_uid },
        has_more: false,
        is_renumbered,
    };
    let (last_uid, is_renumbered, since) = match after {
        After::Everything => (0, false, None),
        After::Now => {
            *begun = Some(empty(newest()?, false));
            return Ok(());
        }
        After::Position(position) | After::PositionOrSince(position, _) if position.uid_validity == uid_validity => {
            (position.last_uid, false, None)
        }
        After::Position(_) => (0, true, None),
        After::PositionOrSince(_, since) => (0, true, Some(since)),
    };
    let uids = match since {
        None => new_uids(session, settings, last_uid).await?,
        Some(since) => {
            let uids = uids_since(session, settings, since).await?;
            if uids.is_empty() {
                *begun = Some(empty(newest()?, true));
                return Ok(());
            }
            uids
        }
    };
    let batch = begun.insert(empty(last_uid, is_renumbered));
    let mut bytes = 0_u64;
    for some in uids.chunks(SIZES_AT_ONCE) {
        let sizes = sizes_of(session, settings, some).await?;
        for uid in some {
            if batch.mails.len() >= limits.mails || bytes >= limits.bytes_in_all {
                batch.has_more = true;
                return Ok(());
            }
            // One without a size was deleted meanwhile.
            let size = sizes.iter().find(|(found, _)| found == uid).map(|(_, size)| *size);
            if let Some(size) = size
                && let Some(raw) = content_of(session, settings, *uid, size, limits.bytes_each).await?
            {
                bytes = bytes.saturating_add(u64::try_from(raw.len()).unwrap_or(u64::MAX));
                batch.mails.push(Fetched {
                    uid: *uid,
                    raw,
                    is_whole: size <= limits.bytes_each,
                });
            }
            batch.position.last_uid = *uid;
        }
    }
    Ok(())
}

/// The numbers of what the mailbox has got since `since`, by its own clock, in order.
async fn uids_since(session: &mut Session, settings: &ImapSettings, since: Timestamp) -> Result<Vec<u32>, FetchError> {
    let since = since.saturating_add(-SKEW);
    // A day is all that a search knows, in the server's zone, whichever that is (RFC 3501, 6.4.4): the instant is looked at below.
    let day = since
        .saturating_add(-TimeDelta::days(1))
        .as_datetime()
        .format("%d-%b-%Y")
        .to_string();
    let found = settings.within(session.imap.uid_search(format!("SINCE {day}"))).await?;
    let mut candidates: Vec<u32> = found.into_iter().collect();
    candidates.sort_unstable();
    let mut uids = Vec::new();
    for some in candidates.chunks(SIZES_AT_ONCE) {
        let asking = async {
            let answers = session.imap.uid_fetch(set_of(some), "(UID INTERNALDATE)").await?;
            answers
                .try_filter_map(|answer| async move { Ok(answer.uid.zip(answer.internal_date())) })
                .try_collect()
                .await
        };
        let dates: Vec<(u32, chrono::DateTime<chrono::FixedOffset>)> = settings.within(asking).await?;
        let of_since = dates.into_iter().filter(|(_, date)| *date >= since.as_datetime());
        uids.extend(of_since.map(|(uid, _)| uid));
    }
    uids.sort_unstable();
    Ok(uids)
}

/// The numbers beyond `last_uid`, in order.
async fn new_uids(session: &mut Session, settings: &ImapSettings, last_uid: u32) -> Result<Vec<u32>, FetchError> {
    let Some(first) = last_uid.checked_add(1) else {
        return Ok(Vec::new());
    };
    let found = settings
        .within(session.imap.uid_search(format!("UID {first}:*")))
        .await?;
    // `n:*` names the last mail even where it is older than n (RFC 3501, 6.4.8).
    let mut uids: Vec<u32> = found.into_iter().filter(|uid| *uid > last_uid).collect();
    uids.sort_unstable();
    Ok(uids)
}

async fn sizes_of(session: &mut Session, settings: &ImapSettings, uids: &[u32]) -> Result<Vec<(u32, u32)>, FetchError> {
    let asking = async {
        let answers = session.imap.uid_fetch(set_of(uids), "(UID RFC822.SIZE)").await?;
        answers
            .try_filter_map(|answer| async move { Ok(answer.uid.zip(answer.size)) })
            .try_collect()
            .await
    };
    settings.within(asking).await
}

/// A mail's bytes, or the beginning of one that is too large; `None` when it was deleted meanwhile.
async fn content_of(
    session: &mut Session,
    settings: &ImapSettings,
    uid: u32,
    size: u32,
    most: u32,
) -> Result<Option<Vec<u8>>, FetchError> {
    // Also of a mail that claims to be small no more is taken: the claim is the server's.
    let bytes = if size > most { BEGINNING.min(most) } else { most };
    let asking = async {
        let answers = session
            .imap
            .uid_fetch(uid.to_string(), format!("(UID BODY.PEEK[]<0.{bytes}>)"))
            .await?;
        answers
            .try_filter_map(|answer| async move {
                let is_it = answer.uid == Some(uid);
                Ok(answer.body().filter(|_| is_it).map(<[u8]>::to_vec))
            })
            .try_fold(None, |found, body| async move { Ok(found.or(Some(body))) })
            .await
    };
    settings.within_long(asking).await
}

/// The numbers as a set (RFC 3501, `sequence-set`).
fn set_of(uids: &[u32]) -> String {
    uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}
