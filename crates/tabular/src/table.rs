//! A file, read: its headings, its records and its bad lines.

use crate::encoding::Encoding;
use crate::records::{BadRecord, Delimiter, Record, records};

/// How to read a file; what is `None` is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// The encoding.
    pub encoding: Option<Encoding>,
    /// The delimiter.
    pub delimiter: Option<Delimiter>,
}

/// A file that holds no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// More bytes than are read into memory.
    #[error("the file has more than {} MiB; split it into several", Table::MOST_BYTES / (1024 * 1024))]
    TooLarge,
    /// Nothing but white space in it.
    #[error("the file is empty")]
    Empty,
    /// The heading's quotes do not close.
    #[error("the heading cannot be read: {0}")]
    Heading(BadRecord),
}

/// A file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The encoding it was read in.
    pub encoding: Encoding,
    /// The delimiter it was read with.
    pub delimiter: Delimiter,
    /// The headings.
    pub headings: Vec<String>,
    /// Every record and bad line after the heading, in the order of the file.
    pub records: Vec<Result<Record, BadRecord>>,
}

impl Table {
    /// The most bytes of a file.
    pub const MOST_BYTES: usize = 256 * 1024 * 1024;

    /// The table that `bytes` are.
    ///
    /// # Errors
    /// [`TableError`] when there is no heading; bad lines are no error but among the records.
    pub fn read(bytes: &[u8], options: ReadOptions) -> Result<Self, TableError> {
        if bytes.len() > Self::MOST_BYTES {
            return Err(TableError::TooLarge);
        }
        let encoding = options.encoding.unwrap_or_else(|| Encoding::detect(bytes));
        let text = encoding.decode(bytes);
        let delimiter = options.delimiter.unwrap_or_else(|| Delimiter::detect(&text));
        let heading = records(&text, delimiter, None)
            .next()
            .ok_or(TableError::Empty)?
            .map_err(TableError::Heading)?;
        let width = heading.fields.len();
        let records = records(&text, delimiter, Some(width)).skip(1).collect();
        Ok(Self {
            encoding,
            delimiter,
            headings: heading.fields,
            records,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_from_a_spreadsheet_is_read_without_being_told_how() {
        let table = Table::read(
            b"Nome;Observa\xe7\xe3o\r\nJo\xe3o;a, b\r\nAna\r\n",
            ReadOptions::default(),
        )
        .unwrap();
        assert_eq!(table.headings, ["Nome", "Observação"]);
        assert_eq!(
            (table.encoding, table.delimiter),
            (Encoding::Windows1252, Delimiter::Semicolon)
        );
        assert_eq!(
            table.records,
            [
                Ok(Record {
                    line: 2,
                    fields: vec!["João".to_owned(), "a, b".to_owned()]
                }),
                Err(BadRecord::Width {
                    line: 3,
                    expected: 2,
                    found: 1
                }),
            ]
        );
    }

    #[test]
    fn a_file_without_a_heading_is_told() {
        assert_eq!(Table::read(b" \n\n", ReadOptions::default()), Err(TableError::Empty));
        assert_eq!(
            Table::read(b"\"a,b\n1,2", ReadOptions::default()),
            Err(TableError::Heading(BadRecord::Quote { line: 1 }))
        );
    }
}
