//! The cache of finished answers: keyed by clinic, made stale by tags, bounded in bytes, filled once per miss.
//!
//! # What is promised
//! - **No stale read.** Each tag of each clinic has a random [`Generation`]. A reader learns the generations of its key's
//!   tags *before* it asks the database, and its answer is kept under what it learned; [`Cache::bump`] replaces them. So
//!   a reader that comes after a bump meets neither an entry nor a running fill from before it, and a slow reader cannot
//!   put an old answer under a new generation. Generations are random, never counted: one that was forgotten to save
//!   memory comes back as a value never used before, which costs a miss and nothing else.
//! - **Walls.** Clinic, resource, permissions and query are all part of what an answer is found by.
//! - **One fill per miss.** Readers that miss the same key at once wait for the first of them, on whatever thread or
//!   runtime they are. If that one fails or is dropped, its caller alone sees the error, and another takes its place.
//! - **Bounds.** See [`CacheConfig`]: no clinic holds more than its share, so none can push out all others.
//!
//! # How a clinic's share is kept
//! All entries lie in one concurrent map with a bound in bytes and least-recently-used eviction. Beside it each clinic
//! has a queue of its own entries in order of arrival. A clinic that outgrows its share loses its own oldest entries,
//! those that were read since their last turn being passed over once; nobody else's are touched. One map for all keeps
//! an idle clinic at the price of an empty queue, where a map each would cost tens of kilobytes.
//!
//! # Several processes
//! What another process makes stale comes over the bus. A generation is combined with the link's [`bus::Epoch`], which is
//! there only while nothing can have been missed and changes whenever something may have been: so a process that was cut
//! off asks the database each time, and begins with an empty cache when it is back.
//!
//! # A second level
//! Lookups and bumps are asynchronous although everything here happens in memory: a level shared by several processes
//! is asked by the reader that leads the fill, between its miss and its query, and told by the bump before it returns.

mod answer;
mod config;
mod counters;
mod flights;
mod generations;
mod key;
mod levels;
mod sharded;
mod shelf;
mod statistics;
mod time_to_live;

#[cfg(test)]
mod tests;

pub use answer::{CachedAnswer, EntityTag, InvalidEntityTag, Outcome};
pub use config::CacheConfig;
pub use generations::Generation;
pub use key::CacheKey;
pub use levels::Cache;
pub use statistics::{ClinicStatistics, KindStatistics, Statistics};
pub use time_to_live::TimeToLive;
