//! Bounds on what a hostile mail can cost, kept before the parser sees it.
//!
//! The parser reads a mail in a mail by recursion, makes an object of each header, and looks for the end of each part through
//! the rest of the mail. So a mail in a mail is made a plain file first, and what has more headers or parts than any real mail
//! is read by its first headers only.

use std::borrow::Cow;

/// The most bytes of a mail's own header that are looked at.
const MAX_HEADER_BYTES: usize = 256 << 10;

/// The most lines in the header of a mail, and of all its parts.
const MAX_HEADER_LINES: usize = 2_000;
const MAX_ALL_HEADER_LINES: usize = 20_000;

/// The most headers that name a type: each may begin a part.
const MAX_PARTS: usize = 300;

/// The most headers that name a `multipart`, each of which is searched for its end.
const MAX_MULTIPARTS: usize = 40;

/// Types whose content the parser would read as mails, and what they are called meanwhile. Of the same length.
const MAILS: [(&[u8], &[u8]); 3] = [(b"rfc822", b"x-file"), (b"global", b"x-file"), (b"digest", b"x-file")];

/// What a mail in a mail is called after [`tame`].
pub(super) const TAMED_MAIL: &str = "message/x-file";

/// A mail that is safe to parse.
pub(super) struct Tame<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// Whether it is the whole mail; else its own header alone.
    pub(super) is_whole: bool,
}

/// Makes `raw` safe to parse.
pub(super) fn tame(raw: &[u8]) -> Tame<'_> {
    let header = own_header(raw);
    let mut scan = Scan::default();
    let mut bytes = raw.to_vec();
    let mut start = 0;
    while start < raw.len() {
        let end = line_end(raw, start);
        let line = raw.get(start..end).unwrap_or_default();
        if let Some(value) = type_value_start(line) {
            // The value goes on over lines that begin with white space.
            let mut value_end = end;
            while raw.get(value_end).is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
                value_end = line_end(raw, value_end);
            }
            if let Some(value) = bytes.get_mut(start.saturating_add(value)..value_end) {
                scan.note_type(value);
            }
        }
        scan.note_line(line, start < header);
        start = end;
    }
    if scan.is_bearable() {
        Tame {
            bytes: Cow::Owned(bytes),
            is_whole: true,
        }
    } else {
        Tame {
            bytes: Cow::Borrowed(first_lines(raw.get(..header).unwrap_or(raw))),
            is_whole: false,
        }
    }
}

/// Counts what a mail asks of the parser.
#[derive(Default)]
struct Scan {
    parts: usize,
    multiparts: usize,
    own_lines: usize,
    all_lines: usize,
    /// Whether the lines belong to a header: after a line that may begin a part, up to an empty one.
    in_header: bool,
}

impl Scan {
    fn note_type(&mut self, value: &mut [u8]) {
        self.parts = self.parts.saturating_add(1);
        let value_len = value.len();
        // A semicolon in a comment begins no parameters.
        let has_comment = value.contains(&b'(');
        let parameters = value.iter().position(|byte| *byte == b';').filter(|_| !has_comment);
        let Some(name) = value.get_mut(..parameters.unwrap_or(usize::MAX).min(value_len)) else {
            return;
        };
        if find(name, b"multipart").is_some() {
            self.multiparts = self.multiparts.saturating_add(1);
        }
        for (mail, file) in MAILS {
            replace(name, mail, file);
        }
    }

    fn note_line(&mut self, line: &[u8], is_own: bool) {
        if is_own {
            self.own_lines = self.own_lines.saturating_add(1);
            return;
        }
        if line.starts_with(b"--") {
            self.in_header = true;
        } else if line.trim_ascii().is_empty() {
            self.in_header = false;
        } else if self.in_header && line.contains(&b':') {
            self.all_lines = self.all_lines.saturating_add(1);
        }
    }

    const fn is_bearable(&self) -> bool {
        self.parts <= MAX_PARTS
            && self.multiparts <= MAX_MULTIPARTS
            && self.own_lines <= MAX_HEADER_LINES
            && self.all_lines <= MAX_ALL_HEADER_LINES
    }
}

/// Where the mail's own header ends: after the first empty line, or where it has grown too long.
fn own_header(raw: &[u8]) -> usize {
    let mut start = 0;
    while start < raw.len().min(MAX_HEADER_BYTES) {
        let end = line_end(raw, start);
        if start > 0 && raw.get(start..end).is_some_and(|line| line.trim_ascii().is_empty()) {
            return end;
        }
        start = end;
    }
    start.min(MAX_HEADER_BYTES).min(raw.len())
}

/// The first lines of a header, as many as are looked at.
fn first_lines(header: &[u8]) -> &[u8] {
    let mut end = 0;
    for _ in 0..MAX_HEADER_LINES {
        if end >= header.len() {
            break;
        }
        end = line_end(header, end);
    }
    header.get(..end).unwrap_or(header)
}

fn line_end(raw: &[u8], start: usize) -> usize {
    raw.get(start..)
        .and_then(|rest| rest.iter().position(|byte| *byte == b'\n'))
        .map_or(raw.len(), |at| start.saturating_add(at).saturating_add(1))
}

/// Where the value begins, if the line is a header that names a type. As generous as the parser, which passes over white space
/// everywhere in a name and colons before it.
fn type_value_start(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-type";
    let mut matched = 0;
    for (at, byte) in line.iter().enumerate() {
        match byte {
            b':' if matched == 0 => {}
            b':' => return (matched == NAME.len()).then_some(at.saturating_add(1)),
            byte if byte.is_ascii_whitespace() => {}
            byte if NAME.get(matched) == Some(&byte.to_ascii_lowercase()) => matched = matched.saturating_add(1),
            _ => return None,
        }
    }
    None
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window.eq_ignore_ascii_case(needle))
}

/// Replaces each `from` by `to`, which has the same length, in one pass.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let mut at = 0_usize;
    while let Some(window) = bytes.get_mut(at..at.saturating_add(from.len())) {
        if window.eq_ignore_ascii_case(from) {
            window.copy_from_slice(to);
        }
        at = at.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_in_a_mail_becomes_a_file_however_it_is_spelt() {
        for name in [
            "Content-Type: message/rfc822",
            "content-type:message/RFC822; x=y",
            " Con tent-Type :\r\n message / global",
            "::Content-Type: (a)message/(b)rfc822",
        ] {
            let raw = format!("Subject: x\r\n{name}\r\n\r\nbody with rfc822 in it\r\n");
            let tame = tame(raw.as_bytes());
            let text = String::from_utf8_lossy(&tame.bytes).into_owned();
            assert!(tame.is_whole && text.contains("x-file"), "{text}");
            assert!(text.ends_with("body with rfc822 in it\r\n"), "{text}");
        }
    }

    #[test]
    fn boundaries_keep_their_names() {
        let raw = b"Content-Type: multipart/mixed; boundary=\"digest-rfc822\"\r\n\r\n--digest-rfc822--\r\n";
        assert_eq!(tame(raw).bytes.as_ref(), &raw[..]);
    }

    #[test]
    fn too_much_of_anything_leaves_the_first_headers() {
        let many_headers = format!("Subject: x\n{}\nbody", "A: b\n".repeat(3_000));
        let many_parts = format!("Subject: x\n\n{}", "--b\nContent-Type: text/plain\n\nx\n".repeat(400));
        let deep = format!(
            "Subject: x\n{}",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n".repeat(50)
        );
        let headers_of_parts = format!(
            "Subject: x\n\n{}",
            format!("--b\n{}\n", "A: b\n".repeat(1_000)).repeat(30)
        );
        for raw in [many_headers, many_parts, deep, headers_of_parts] {
            let tame = tame(raw.as_bytes());
            assert!(!tame.is_whole);
            assert!(tame.bytes.starts_with(b"Subject: x\n"));
            assert!(tame.bytes.len() < 20_000, "{}", tame.bytes.len());
        }
    }
}
