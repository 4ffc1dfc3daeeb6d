//! WhatsApp: what it posts, and the files that it names.

mod hook;
mod media;
mod reading;

pub(super) use self::hook::routes;
pub(super) use self::media::handlers;
