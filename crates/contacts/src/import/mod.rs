//! People from a table: columns found by their headings, every row reported, what is there already left out.

mod fields;
mod row;
mod run;
mod twice;

pub use fields::{FIELDS, OPEN_PREFIX};
pub use run::{ImportError, ImportOptions, ImportReport, run};
