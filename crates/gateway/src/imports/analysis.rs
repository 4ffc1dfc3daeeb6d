//! What a file is found to be: encoding, delimiter, headings, how many rows, and what the first look like.

use files::{FileKey, Files, FilesError};
use futures_util::StreamExt;
use tabular::{BadRecord, Delimiter, Encoding, EncodingDetector, ReadOptions, RecordReader};

/// The most columns of a table; no field has so many headings.
const MOST_COLUMNS: usize = 500;
/// The most rows of a file: as many as a day's work of a bulk lane.
const MOST_ROWS: i64 = 100_000;
/// How many rows are shown.
const SAMPLE_ROWS: usize = 5;
/// How much of a file's beginning tells its delimiter and whether it is a table at all.
const HEAD_BYTES: usize = 64 * 1024;

/// A file that is no table, or not one that is imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotATable {
    #[error("the file is empty")]
    Empty,
    #[error("the file is {0}, not CSV; save it as CSV first")]
    OtherFormat(&'static str),
    #[error("the heading cannot be read: {0}")]
    Heading(BadRecord),
    #[error("the file has a heading and no rows")]
    NoRows,
    #[error("the heading has more than {MOST_COLUMNS} columns")]
    TooManyColumns,
    #[error("the file has more than {MOST_ROWS} rows; split it into several")]
    TooManyRows,
}

impl NotATable {
    /// A stable word for programs.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_file",
            Self::OtherFormat(_) => "not_csv",
            Self::Heading(_) => "bad_heading",
            Self::NoRows => "no_rows",
            Self::TooManyColumns => "too_many_columns",
            Self::TooManyRows => "too_many_rows",
        }
    }
}

/// What a file was found to be.
pub(super) struct Analysis {
    pub(super) encoding: Encoding,
    pub(super) delimiter: Delimiter,
    pub(super) headings: Vec<String>,
    pub(super) rows_total: i64,
    /// The first rows, masked.
    pub(super) sample: Vec<Vec<String>>,
}

/// Why a file was not analysed.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnalysisError {
    #[error(transparent)]
    NotATable(#[from] NotATable),
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// Reads the file under `key` twice, part by part: to find out what is not told, and to count its rows.
///
/// # Errors
/// [`AnalysisError`].
pub(super) async fn analyse(files: &Files, key: &FileKey, told: ReadOptions) -> Result<Analysis, AnalysisError> {
    let (found, head) = look(files, key).await?;
    if let Some(format) = other_format(&head) {
        return Err(NotATable::OtherFormat(format).into());
    }
    let encoding = told.encoding.unwrap_or(found);
    let delimiter = told
        .delimiter
        .unwrap_or_else(|| Delimiter::detect(&encoding.decode(&head)));
    let mut counting = Counting::new(RecordReader::new(encoding, delimiter));
    let mut chunks = files.read(key).await?.chunks;
    while let Some(chunk) = chunks.next().await {
        counting.reader.feed(&chunk?);
        counting.take()?;
    }
    counting.reader.finish();
    counting.take()?;
    let headings = counting.headings.ok_or(NotATable::Empty)?;
    if counting.rows == 0 {
        return Err(NotATable::NoRows.into());
    }
    Ok(Analysis {
        encoding,
        delimiter,
        headings,
        rows_total: counting.rows,
        sample: counting.sample,
    })
}

/// The encoding of a whole file, and its beginning.
async fn look(files: &Files, key: &FileKey) -> Result<(Encoding, Vec<u8>), FilesError> {
    let mut detector = EncodingDetector::default();
    let mut head = Vec::new();
    let mut chunks = files.read(key).await?.chunks;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        detector.feed(&chunk);
        head.extend(chunk.iter().take(HEAD_BYTES.saturating_sub(head.len())));
    }
    Ok((detector.finish(), head))
}

/// The formats that people take for CSV, or rename to it, by how their files begin.
const OTHER_FORMATS: [(&[u8], &str); 6] = [
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a text document"),
    (b"SQLite format 3\0", "a database"),
];

fn other_format(head: &[u8]) -> Option<&'static str> {
    OTHER_FORMATS
        .iter()
        .find(|(beginning, _)| head.starts_with(beginning))
        .map(|(_, name)| *name)
}

/// A count of rows under way.
struct Counting {
    reader: RecordReader,
    headings: Option<Vec<String>>,
    rows: i64,
    sample: Vec<Vec<String>>,
}

impl Counting {
    const fn new(reader: RecordReader) -> Self {
        Self {
            reader,
            headings: None,
            rows: 0,
            sample: Vec::new(),
        }
    }

    fn take(&mut self) -> Result<(), NotATable> {
        while let Some(record) = self.reader.next_record() {
            if self.headings.is_none() {
                let headings = record.map_err(NotATable::Heading)?.fields;
                if headings.len() > MOST_COLUMNS {
                    return Err(NotATable::TooManyColumns);
                }
                self.reader.expect_width(headings.len());
                self.headings = Some(headings);
                continue;
            }
            self.rows += 1;
            if self.rows > MOST_ROWS {
                return Err(NotATable::TooManyRows);
            }
            if let Ok(record) = record
                && self.sample.len() < SAMPLE_ROWS
            {
                self.sample
                    .push(record.fields.iter().map(|cell| masked(cell)).collect());
            }
        }
        Ok(())
    }
}

/// The most characters of a masked cell.
const MASKED_CHARS: usize = 40;

/// The shape of a cell without what it says: of each word the first letter, each other letter as a dot, each digit as 0. It shows
/// whether a column holds names, dates or numbers, and of nobody which.
fn masked(cell: &str) -> String {
    let mut in_word = false;
    cell.chars()
        .take(MASKED_CHARS)
        .map(|character| {
            let is_letter = character.is_alphabetic();
            let shown = match character {
                digit if digit.is_numeric() => '0',
                letter if is_letter && in_word => {
                    let _hidden = letter;
                    '·'
                }
                control if control.is_control() => ' ',
                other => other,
            };
            in_word = is_letter;
            shown
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_shows_shapes_and_nobody() {
        assert_eq!(masked("Maria Clara"), "M···· C····");
        assert_eq!(masked("31/12/1990"), "00/00/0000");
        assert_eq!(masked("529.982.247-25"), "000.000.000-00");
        assert_eq!(masked("ana@example.com"), "a··@e······.c··");
        assert_eq!(masked(&"x".repeat(1000)).chars().count(), MASKED_CHARS);
    }
}
