//! What TaskMed is measured with: a loader of recorded appointments and one of invented conversations, the bare server that answers are compared with, the
//! micro-benchmark of the cache, many live connections, and the report.

pub mod bare;
pub mod cache_hit;
pub mod copy;
mod database;
pub mod jobs;
pub mod live;
pub mod load;
pub mod report;
pub mod talk;
pub mod vitoria;
