//! Rows in the text form of PostgreSQL's COPY.

use std::fmt::{self, Write as _};

use bytes::Bytes;

/// Rows of one table, as they are sent.
#[derive(Debug, Default)]
pub struct CopyRows {
    text: String,
    rows: u64,
    in_row: bool,
}

impl CopyRows {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rows there are.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// How many bytes they are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The next column of the row: `value` as text.
    pub fn column(&mut self, value: impl fmt::Display) -> &mut Self {
        self.separate();
        // Writing to a String does not fail.
        let _written = write!(Escaped(&mut self.text), "{value}");
        self
    }

    /// The next column: `value`, or null.
    pub fn nullable(&mut self, value: Option<impl fmt::Display>) -> &mut Self {
        match value {
            Some(value) => self.column(value),
            None => {
                self.separate();
                self.text.push_str("\\N");
                self
            }
        }
    }

    /// The next column: an array of texts.
    pub fn array(&mut self, items: &[&str]) -> &mut Self {
        let quoted = items
            .iter()
            .map(|item| format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\"")));
        let literal = quoted.collect::<Vec<_>>().join(",");
        self.column(format_args!("{{{literal}}}"))
    }

    /// Ends the row.
    pub fn end(&mut self) {
        self.text.push('\n');
        self.rows = self.rows.saturating_add(1);
        self.in_row = false;
    }

    /// The rows as bytes; none are left.
    pub fn take(&mut self) -> Bytes {
        self.rows = 0;
        Bytes::from(std::mem::take(&mut self.text))
    }

    fn separate(&mut self) {
        if self.in_row {
            self.text.push('\t');
        }
        self.in_row = true;
    }
}

/// Writes with what COPY reads as its own marks escaped.
struct Escaped<'t>(&'t mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '\\' => self.0.push_str("\\\\"),
                '\t' => self.0.push_str("\\t"),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_escaped_and_nulls_are_marked() {
        let mut rows = CopyRows::new();
        rows.column(1)
            .column("a\tb\\N\n")
            .nullable(None::<&str>)
            .nullable(Some("x"))
            .array(&["a\"b\\", "c d"])
            .end();
        rows.column(2).array(&[]).end();
        assert_eq!(rows.rows(), 2);
        assert_eq!(
            String::from_utf8(rows.take().to_vec()).unwrap(),
            "1\ta\\tb\\\\N\\n\t\\N\tx\t{\"a\\\\\"b\\\\\\\\\",\"c d\"}\n2\t{}\n"
        );
        assert!(rows.is_empty());
    }
}
