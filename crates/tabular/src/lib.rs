//! Tables in text files as people have them: encoding, delimiter and headings are found out, a bad line is reported by its
//! number and the rest goes in.
//!
//! [`Table::read`] makes records of a file's bytes, [`Mapping`] says which column holds which field, [`Report`] tells what
//! became of each row. What a field means, and what is done with it, is the domain's business.

mod cell;
mod encoding;
mod mapping;
mod records;
mod report;
mod stream;
mod table;

pub use cell::{InvalidDate, guarded, parse_date, unguarded};
pub use encoding::{Encoding, UnknownEncoding};
pub use mapping::{ColumnChoice, Field, InvalidColumnChoice, Mapping, MappingError};
pub use records::{BadRecord, Delimiter, Record, UnknownDelimiter};
pub use report::{Progress, Report, RowOutcome, RowReport, TakenBack};
pub use stream::{EncodingDetector, LONGEST_LINE, RecordReader};
pub use table::{ReadOptions, Table, TableError};
