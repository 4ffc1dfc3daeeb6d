//! People from a table: columns found by their headings, every row reported, what is there already left out.

mod fields;
mod row;
mod run;
mod take_back;
mod twice;

pub use fields::{FIELDS, OPEN_PREFIX};
pub use run::{ImportError, ImportOptions, ImportReport, Prepared, ROWS_AT_ONCE, bring_in, mapping, prepare, run};
pub use take_back::take_back;
pub use twice::SeenBefore;
