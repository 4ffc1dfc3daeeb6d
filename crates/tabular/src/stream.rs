//! A file that comes in parts: its encoding found out and its records read, with a bounded part of it in memory.

use encoding_rs::{CoderResult, Decoder};

use crate::encoding::Encoding;
use crate::records::{BadRecord, Delimiter, MOST_LINES_OF_A_RECORD, Record, Records};

/// The most bytes of one line, decoded. No table of people or appointments has such lines; a file without line breaks has.
pub const LONGEST_LINE: usize = 64 * 1024;

/// The most bytes that are kept in memory to find the end of a quoted field.
const MOST_KEPT: usize = 8 * 1024 * 1024;

/// Finds the encoding of a file out part by part, as [`Encoding::detect`] does of a whole one.
#[derive(Debug, Default)]
pub struct EncodingDetector {
    head: Vec<u8>,
    /// The bytes of a character that is cut by the end of a part.
    cut: Vec<u8>,
    is_not_utf8: bool,
}

impl EncodingDetector {
    /// Looks at the next part.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.head.len() < 4 {
            self.head.extend(bytes.iter().take(4));
        }
        if self.is_not_utf8 {
            return;
        }
        let mut joined = std::mem::take(&mut self.cut);
        joined.extend_from_slice(bytes);
        if let Err(error) = std::str::from_utf8(&joined) {
            match error.error_len() {
                Some(_) => self.is_not_utf8 = true,
                None => self.cut = joined.split_off(error.valid_up_to()),
            }
        }
    }

    /// The encoding of what was fed.
    #[must_use]
    pub fn finish(&self) -> Encoding {
        match Encoding::detect(&self.head) {
            marked @ (Encoding::Utf16LittleEndian | Encoding::Utf16BigEndian) => marked,
            _ if self.head.starts_with(b"\xef\xbb\xbf") => Encoding::Utf8,
            _ if self.is_not_utf8 || !self.cut.is_empty() => Encoding::Windows1252,
            _ => Encoding::Utf8,
        }
    }
}

/// Reads the records of a file that is fed to it part by part: the same as [`crate::Table::read`] does of a whole one, but for
/// lines longer than [`LONGEST_LINE`], which are bad.
pub struct RecordReader {
    decoder: Decoder,
    delimiter: Delimiter,
    width: Option<usize>,
    text: String,
    /// How much of `text` was read.
    read: usize,
    /// How many characters of line breaks are in what was not read.
    breaks: usize,
    line: u64,
    /// The rest of a line that is too long is being passed over.
    skipping: bool,
    ended: bool,
}

impl std::fmt::Debug for RecordReader {
    /// Without the text, which tells of people.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RecordReader")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

fn is_break(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

fn breaks_in(text: &str) -> usize {
    text.bytes().filter(|byte| is_break(*byte)).count()
}

impl RecordReader {
    /// A reader of a file in `encoding` with `delimiter`.
    #[must_use]
    pub fn new(encoding: Encoding, delimiter: Delimiter) -> Self {
        Self {
            decoder: encoding.decoder(),
            delimiter,
            width: None,
            text: String::new(),
            read: 0,
            breaks: 0,
            line: 1,
            skipping: false,
            ended: false,
        }
    }

    /// From now on every record has `width` fields, as the heading has.
    pub const fn expect_width(&mut self, width: usize) {
        self.width = Some(width);
    }

    /// Takes the next part of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.decode(bytes, false);
    }

    /// Says that there are no more parts.
    pub fn finish(&mut self) {
        if !self.ended {
            self.decode(&[], true);
            self.ended = true;
        }
    }

    fn decode(&mut self, mut bytes: &[u8], last: bool) {
        self.text.drain(..self.read);
        self.read = 0;
        loop {
            let room = self.decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len());
            self.text.reserve(room);
            let before = self.text.len();
            let (result, taken, _replaced) = self.decoder.decode_to_string(bytes, &mut self.text, last);
            self.breaks += self.text.get(before..).map_or(0, breaks_in);
            bytes = bytes.get(taken..).unwrap_or_default();
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        if self.skipping {
            self.skip_to_break();
        }
    }

    /// The next record or bad line; `None` when the next part is needed, or the file is at its end.
    pub fn next_record(&mut self) -> Option<Result<Record, BadRecord>> {
        loop {
            let rest = self.text.get(self.read..).unwrap_or_default();
            let first_line = rest.bytes().position(is_break);
            if first_line.unwrap_or(rest.len()) > LONGEST_LINE {
                let line = self.line;
                self.skipping = true;
                self.skip_to_break();
                return Some(Err(BadRecord::TooLong { line }));
            }
            // With so many lines at hand no record reaches beyond them; a break may be two characters.
            let is_enough = self.ended || self.breaks > 2 * (MOST_LINES_OF_A_RECORD + 1);
            let whole = match (is_enough, rest.len() > MOST_KEPT) {
                (true, _) => rest,
                (false, true) => rest
                    .get(..rest.rfind(['\n', '\r']).map_or(0, |at| at + 1))
                    .unwrap_or_default(),
                (false, false) => return None,
            };
            let mut records = Records::new(whole, self.line, self.delimiter, self.width);
            let next = records.next();
            let (left, line) = records.place();
            let taken = whole.len() - left;
            self.breaks -= whole.get(..taken).map_or(0, breaks_in);
            self.read += taken;
            self.line = line;
            if next.is_some() || taken == 0 {
                return next;
            }
        }
    }

    /// Passes over the rest of a line, as far as it is here.
    fn skip_to_break(&mut self) {
        let rest = self.text.get(self.read..).unwrap_or_default();
        match rest.bytes().position(is_break) {
            Some(at) => {
                let after = rest.get(at..).unwrap_or_default();
                let length = if after.starts_with("\r\n") { 2 } else { 1 };
                self.read += at + length;
                self.breaks -= length;
                self.line += 1;
                self.skipping = false;
            }
            None => self.read = self.text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::{ReadOptions, Table};

    /// The heading and the records of `bytes`, fed in parts of `size`.
    fn read(bytes: &[u8], size: usize, delimiter: Delimiter) -> Vec<Result<Record, BadRecord>> {
        let mut detector = EncodingDetector::default();
        bytes.chunks(size).for_each(|part| detector.feed(part));
        let mut reader = RecordReader::new(detector.finish(), delimiter);
        let mut found = Vec::new();
        let mut take = |reader: &mut RecordReader| {
            while let Some(record) = reader.next_record() {
                if let (true, Ok(heading)) = (found.is_empty(), &record) {
                    reader.expect_width(heading.fields.len());
                }
                found.push(record);
            }
        };
        for part in bytes.chunks(size) {
            reader.feed(part);
            take(&mut reader);
        }
        reader.finish();
        take(&mut reader);
        found
    }

    #[test]
    fn a_line_without_end_costs_itself_alone() {
        let text = format!(
            "a,b\n1,2\n{}\r\n3,4\n\"x\n{}\"\n5,6",
            "y,".repeat(200_000),
            "z".repeat(100_000)
        );
        let read = read(text.as_bytes(), 1000, Delimiter::Comma);
        let told: Vec<_> = read
            .iter()
            .map(|record| {
                record
                    .as_ref()
                    .map_or_else(|bad| format!("{} {}", bad.line(), bad.code()), |r| r.fields.join(" "))
            })
            .collect();
        assert_eq!(
            told,
            [
                "a b",
                "1 2",
                "3 line_too_long",
                "3 4",
                // Both lines together close their quote: one cell, where two are wanted.
                "5 wrong_field_count",
                "6 line_too_long",
                "5 6"
            ]
        );
    }

    #[test]
    fn memory_is_bounded_by_lines_and_not_by_the_file() {
        let mut reader = RecordReader::new(Encoding::Utf8, Delimiter::Comma);
        for _ in 0..2_000 {
            reader.feed(&[b'x'; 16 * 1024]);
            while reader.next_record().is_some() {}
            assert!(reader.text.len() <= LONGEST_LINE + 64 * 1024);
        }
    }

    proptest! {
        #[test]
        fn parts_are_read_as_the_whole_is(
            text in "[ab,\"é\n\r]{0,120}",
            size in 1_usize..40,
            latin in any::<bool>(),
        ) {
            let bytes = if latin {
                encoding_rs::WINDOWS_1252.encode(&text).0.into_owned()
            } else {
                text.clone().into_bytes()
            };
            let options = ReadOptions { delimiter: Some(Delimiter::Comma), ..ReadOptions::default() };
            let parts = read(&bytes, size, Delimiter::Comma);
            match Table::read(&bytes, options) {
                Ok(table) => {
                    prop_assert_eq!(parts.first().and_then(|record| record.as_ref().ok()).map(|record| &record.fields), Some(&table.headings));
                    prop_assert_eq!(parts.get(1..).unwrap_or_default(), table.records.as_slice());
                }
                Err(_) => prop_assert!(parts.first().is_none_or(Result::is_err)),
            }
        }
    }
}
