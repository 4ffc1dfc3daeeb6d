//! From text to records (RFC 4180, with any of four delimiters), so that one bad line costs that line and no other.
//!
//! Readers in common use take a quote that is never closed for a field that goes on to the end of the file. Here a quoted
//! field may hold line breaks, but where that leads to no well-formed record of the right width, the line is bad alone.

use std::str::FromStr;

/// What stands between the fields of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delimiter {
    /// `,`
    Comma,
    /// `;`, as spreadsheets write where the comma is in numbers.
    Semicolon,
    /// A tabulator.
    Tab,
    /// `|`
    Pipe,
}

/// Text that is no delimiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a delimiter is one of , ; tab |")]
pub struct UnknownDelimiter;

impl FromStr for Delimiter {
    type Err = UnknownDelimiter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "," | "comma" => Ok(Self::Comma),
            ";" | "semicolon" => Ok(Self::Semicolon),
            "\t" | "\\t" | "tab" => Ok(Self::Tab),
            "|" | "pipe" => Ok(Self::Pipe),
            _ => Err(UnknownDelimiter),
        }
    }
}

/// How many lines of a file tell its delimiter.
const LINES_THAT_TELL: usize = 20;

impl Delimiter {
    const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    /// The delimiter's name, which is read back.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Comma => "comma",
            Self::Semicolon => "semicolon",
            Self::Tab => "tab",
            Self::Pipe => "pipe",
        }
    }

    /// The character.
    #[must_use]
    pub const fn as_char(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Semicolon => ';',
            Self::Tab => '\t',
            Self::Pipe => '|',
        }
    }

    /// The delimiter of `text`: the one by which most of the first lines are as wide as the heading is, and the heading
    /// widest; a comma where there is but one column.
    #[must_use]
    pub fn detect(text: &str) -> Self {
        let fit = |delimiter: Self| {
            let mut records = records(text, delimiter, None)
                .filter_map(Result::ok)
                .take(LINES_THAT_TELL);
            let width = records.next().map_or(0, |heading| heading.fields.len());
            let alike = records.filter(|record| record.fields.len() == width).count();
            if width > 1 { (alike + 1, width) } else { (0, 0) }
        };
        // The last of equals wins, and the comma is to win where none fits.
        Self::ALL
            .into_iter()
            .rev()
            .max_by_key(|delimiter| fit(*delimiter))
            .unwrap_or(Self::Comma)
    }
}

/// One record: a line, or several where a quoted field has line breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The number of its first line, the file's first being 1.
    pub line: u64,
    /// Its fields, quotes taken off.
    pub fields: Vec<String>,
}

/// A line that is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// A quote that opens a field and does not close it before the next delimiter or the end of the line.
    #[error("line {line}: a quote is opened and not closed, or followed by other text")]
    Quote {
        /// The line.
        line: u64,
    },
    /// More bytes than a line of a table has.
    #[error("line {line}: it is longer than a line of a table can be")]
    TooLong {
        /// The line.
        line: u64,
    },
    /// A character that is none: the file is in another encoding than it was read in, or is no text.
    #[error("line {line}: it has characters that are no text; the file may be in another encoding")]
    NotText {
        /// The line.
        line: u64,
    },
    /// More or fewer fields than the heading has.
    #[error("line {line}: it has {found} fields where the heading has {expected}")]
    Width {
        /// The line.
        line: u64,
        /// How many fields the heading has.
        expected: usize,
        /// How many this line has.
        found: usize,
    },
}

impl BadRecord {
    /// The line's number.
    #[must_use]
    pub const fn line(&self) -> u64 {
        match self {
            Self::Quote { line } | Self::TooLong { line } | Self::NotText { line } | Self::Width { line, .. } => *line,
        }
    }

    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Quote { .. } => "bad_quote",
            Self::TooLong { .. } => "line_too_long",
            Self::NotText { .. } => "not_text",
            Self::Width { .. } => "wrong_field_count",
        }
    }
}

/// A field with more line breaks than this is taken for a quote that was forgotten.
pub(crate) const MOST_LINES_OF_A_RECORD: usize = 50;

/// The records of `text`; blank lines are passed over. Where `width` is given, every record has that many fields.
pub(crate) fn records(
    text: &str,
    delimiter: Delimiter,
    width: Option<usize>,
) -> impl Iterator<Item = Result<Record, BadRecord>> {
    Records::new(text, 1, delimiter, width)
}

/// The records of a text, read one after the other.
pub(crate) struct Records<'t> {
    rest: &'t str,
    line: u64,
    delimiter: char,
    width: Option<usize>,
}

impl Iterator for Records<'_> {
    type Item = Result<Record, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (first_line, after) = split_line(self.rest)?;
            if !first_line.trim().is_empty() {
                break;
            }
            self.rest = after;
            self.line += 1;
        }
        Some(self.take_record())
    }
}

impl<'t> Records<'t> {
    /// Reads `text`, the first line of which is the file's `line`.
    pub(crate) const fn new(text: &'t str, line: u64, delimiter: Delimiter, width: Option<usize>) -> Self {
        Self {
            rest: text,
            line,
            delimiter: delimiter.as_char(),
            width,
        }
    }

    /// How many bytes are left, and the number of the line at which they begin.
    pub(crate) const fn place(&self) -> (usize, u64) {
        (self.rest.len(), self.line)
    }

    /// Takes one line, or as many as it needs to close its quotes. Where that makes no record of the right width, the first line
    /// alone is bad, and those after it are looked at for themselves.
    fn take_record(&mut self) -> Result<Record, BadRecord> {
        let line = self.line;
        let mut end = 0;
        let mut end_of_first = None;
        let mut fault = BadRecord::Quote { line };
        for lines in 1..=MOST_LINES_OF_A_RECORD {
            let Some((next_line, after)) = self.rest.get(end..).and_then(split_line) else {
                break;
            };
            let content = self.rest.get(..end + next_line.len()).unwrap_or_default();
            end = self.rest.len() - after.len();
            end_of_first.get_or_insert(end);
            match split_fields(content, self.delimiter) {
                Ok(fields) if self.width.is_none_or(|width| width == fields.len()) => {
                    self.go_on(end, lines);
                    return if fields
                        .iter()
                        .any(|field| field.contains(['\0', char::REPLACEMENT_CHARACTER]))
                    {
                        Err(BadRecord::NotText { line })
                    } else {
                        Ok(Record { line, fields })
                    };
                }
                Ok(fields) => {
                    fault = BadRecord::Width {
                        line,
                        expected: self.width.unwrap_or_default(),
                        found: fields.len(),
                    };
                    break;
                }
                Err(Unfinished::Open) => {}
                Err(Unfinished::Never) => break,
            }
        }
        self.go_on(end_of_first.unwrap_or(end), 1);
        Err(fault)
    }

    /// Goes on behind the first `lines` lines, which end at `end`.
    fn go_on(&mut self, end: usize, lines: usize) {
        self.rest = self.rest.get(end..).unwrap_or_default();
        self.line = self.line.saturating_add(u64::try_from(lines).unwrap_or(u64::MAX));
    }
}

/// The first line of `text` without its line break, and what comes after; nothing at the end of the text.
fn split_line(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    let Some(end) = text.find(['\n', '\r']) else {
        return Some((text, ""));
    };
    let (line, after) = text.split_at(end);
    let after = after
        .strip_prefix("\r\n")
        .or_else(|| after.strip_prefix(['\n', '\r']))
        .unwrap_or(after);
    Some((line, after))
}

/// Why a text is no record.
enum Unfinished {
    /// A quoted field is still open at the end: more lines may close it.
    Open,
    /// Text follows a closing quote: no more lines can mend that.
    Never,
}

/// The fields of one record.
fn split_fields(text: &str, delimiter: char) -> Result<Vec<String>, Unfinished> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                let end = rest.find(delimiter).unwrap_or(rest.len());
                let (field, after) = rest.split_at(end);
                (field.to_owned(), after)
            }
        };
        fields.push(field);
        if after.is_empty() {
            return Ok(fields);
        }
        rest = after.strip_prefix(delimiter).ok_or(Unfinished::Never)?;
    }
}

/// The field whose opening quote was taken off, and what follows its closing one.
fn quoted_field(text: &str) -> Result<(String, &str), Unfinished> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"').ok_or(Unfinished::Open)?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(after_pair) => {
                field.push('"');
                rest = after_pair;
            }
            None => return Ok((field, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, width: usize) -> Vec<Result<(u64, Vec<String>), BadRecord>> {
        records(text, Delimiter::Comma, Some(width))
            .map(|record| record.map(|record| (record.line, record.fields)))
            .collect()
    }

    fn row(line: u64, fields: &[&str]) -> Result<(u64, Vec<String>), BadRecord> {
        Ok((line, fields.iter().map(|&field| field.to_owned()).collect()))
    }

    #[test]
    fn a_quoted_field_may_have_anything_in_it() {
        assert_eq!(
            read("a,b\r\n\"x, y\",\"said \"\"no\"\"\"\n\n\"two\nlines\",z\r\nlast,", 2),
            [
                row(1, &["a", "b"]),
                row(2, &["x, y", "said \"no\""]),
                row(4, &["two\nlines", "z"]),
                row(6, &["last", ""])
            ]
        );
    }

    #[test]
    fn a_forgotten_quote_costs_its_line_alone() {
        assert_eq!(
            read("a,b\n\"Ana,1\n\"Bia\",2\nCaio,3\n\"Davi\" Lima,4\nEva,5", 2),
            [
                row(1, &["a", "b"]),
                Err(BadRecord::Quote { line: 2 }),
                row(3, &["Bia", "2"]),
                row(4, &["Caio", "3"]),
                Err(BadRecord::Quote { line: 5 }),
                row(6, &["Eva", "5"]),
            ]
        );
        assert_eq!(
            read("a,b\n\"Ana,1\nBia,2", 2),
            [
                row(1, &["a", "b"]),
                Err(BadRecord::Quote { line: 2 }),
                row(3, &["Bia", "2"])
            ]
        );
    }

    #[test]
    fn a_wrong_width_costs_its_line_alone() {
        assert_eq!(
            read("a,b\n1\n2,3,4\n\"x\ny\"\n5,6", 2),
            [
                row(1, &["a", "b"]),
                Err(BadRecord::Width {
                    line: 2,
                    expected: 2,
                    found: 1
                }),
                Err(BadRecord::Width {
                    line: 3,
                    expected: 2,
                    found: 3
                }),
                Err(BadRecord::Width {
                    line: 4,
                    expected: 2,
                    found: 1
                }),
                Err(BadRecord::Width {
                    line: 5,
                    expected: 2,
                    found: 1
                }),
                row(6, &["5", "6"]),
            ]
        );
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_a_table() {
        for (text, delimiter) in [
            ("nome,idade\nAna,3", Delimiter::Comma),
            (
                "nome;endereço\nAna;Rua A, 3\nBia;Rua B, 4, casa 2",
                Delimiter::Semicolon,
            ),
            ("nome\tidade\nAna\t3", Delimiter::Tab),
            ("nome|idade\nAna|3", Delimiter::Pipe),
            ("nome\nAna", Delimiter::Comma),
            ("", Delimiter::Comma),
            ("\"a;b\",c\n\"d;e\",f", Delimiter::Comma),
        ] {
            assert_eq!(Delimiter::detect(text), delimiter, "{text}");
        }
    }

    fn any_field() -> impl Strategy<Value = String> {
        prop_oneof!["[a-zà-ü ,;|\t\"'\n]{0,8}", "[a-z]{1,8}"]
    }

    proptest! {
        #[test]
        fn what_a_writer_writes_is_read_back(
            rows in (1_usize..5).prop_flat_map(|width| prop::collection::vec(prop::collection::vec(any_field(), width), 1..8)),
            delimiter in prop::sample::select(Delimiter::ALL.to_vec()),
        ) {
            let mut writer = csv::WriterBuilder::new()
                .delimiter(u8::try_from(delimiter.as_char()).unwrap())
                .quote_style(csv::QuoteStyle::Always)
                .from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let read: Vec<_> = records(&text, delimiter, Some(rows[0].len())).map(|record| record.unwrap().fields).collect();
            prop_assert_eq!(read, rows);
        }

        #[test]
        fn every_line_is_told_once_whatever_it_holds(text in "[a,\"\n\r]{0,60}") {
            let mut last = 0;
            for record in records(&text, Delimiter::Comma, Some(2)) {
                let line = record.map_or_else(|bad| bad.line(), |record| record.line);
                prop_assert!(line > last);
                last = line;
            }
        }
    }
}
