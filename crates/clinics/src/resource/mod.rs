//! What the rows of a practice have in common: errors, numbers within bounds, lists with a keyset, archiving, links.

pub(crate) mod bounded;
pub(crate) mod catalogue;
pub(crate) mod error;
pub(crate) mod keyset;
pub(crate) mod links;
pub(crate) mod rows;
