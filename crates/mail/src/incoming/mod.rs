//! Reading a mail that came: MIME (RFC 2045 and following), threads, quotes, and mails that machines wrote. The bytes are
//! anybody's: the work and the memory that they cause are bounded (see `limits`), and nothing in them is run or fetched.

mod automatic;
mod bounce;
mod html;
mod limits;
mod model;
mod quotes;
mod reading;

pub use bounce::{Bounce, BounceAction, BouncedRecipient};
pub use model::{MailKind, Party, ReadAttachment, ReadMail, Unreadable};
pub use reading::read;
