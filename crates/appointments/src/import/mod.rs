//! Appointments of another system, from a CSV file: every line goes in or is reported with the reason.
//!
//! [`run`] takes what happened elsewhere as it was: outside hours, long ago, in any status. But nothing is put over another
//! booking unless that is asked for, since busy time stands under the same constraints as ever. Contacts are found by what the
//! file says of them; unknown ones are made by whoever calls ([`NewContacts`]), in the same transaction.

mod cells;
mod directory;
mod ends;
mod layout;
mod line;
mod options;
mod person;
mod placing;
mod resolve;
mod row;
mod run;
mod take_back;

pub use ends::Done;
pub use options::{ImportError, ImportOptions};
pub use person::{NewContactError, NewContacts, OnlyKnownContacts, Person};
pub use row::FIELDS;
pub use run::{LINES_AT_ONCE, Run, mapping, run};
pub use take_back::{has_business, take_back};
