//! Mails fetched from a mailbox (IMAP4rev1, RFC 3501), a bounded batch at a time, from where the caller has come to.

mod session;
mod settings;

use futures_util::TryStreamExt as _;

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
    /// After this position.
    Position(Position),
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
}

impl Default for FetchLimits {
    /// 50 mails, of 25 MiB each at most, as most servers take them, and 50 MiB together.
    fn default() -> Self {
        Self {
            mails: 50,
            bytes_each: 25 << 20,
            bytes_in_all: 50 << 20,
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

/// Brings what the mailbox has got since `after`. Changes nothing there: the mailbox is opened to read only.
///
/// # Errors
/// [`FetchError`].
pub async fn fetch_new(settings: &ImapSettings, after: After, limits: FetchLimits) -> Result<Batch, FetchError> {
    let mut session = open(settings).await?;
    let batch = fetch_batch(&mut session, settings, after, limits).await;
    session.leave(settings).await;
    batch
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
    settings: &ImapSettings,
    after: After,
    limits: FetchLimits,
) -> Result<Batch, FetchError> {
    let mailbox = settings.within(session.imap.examine(&settings.mailbox)).await?;
    let uid_validity = mailbox.uid_validity.ok_or(FetchError::Protocol)?;
    let (last_uid, is_renumbered) = match after {
        After::Everything => (0, false),
        After::Now => {
            let next = mailbox.uid_next.ok_or(FetchError::Protocol)?;
            let position = Position {
                uid_validity,
                last_uid: next.saturating_sub(1),
            };
            return Ok(Batch {
                mails: Vec::new(),
                position,
                has_more: false,
                is_renumbered: false,
            });
        }
        After::Position(position) if position.uid_validity == uid_validity => (position.last_uid, false),
        After::Position(_) => (0, true),
    };
    let mut batch = Batch {
        mails: Vec::new(),
        position: Position { uid_validity, last_uid },
        has_more: false,
        is_renumbered,
    };
    let uids = new_uids(session, settings, last_uid).await?;
    let mut bytes = 0_u64;
    for some in uids.chunks(SIZES_AT_ONCE) {
        let sizes = sizes_of(session, settings, some).await?;
        for uid in some {
            if batch.mails.len() >= limits.mails || bytes >= limits.bytes_in_all {
                batch.has_more = true;
                return Ok(batch);
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
    Ok(batch)
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
