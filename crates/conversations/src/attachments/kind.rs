//! What a file is, by its own first bytes; and what it may be called.

use kernel::text::{InvalidText, bounded};

/// A file that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFile {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Not of a kind that people send to a clinic.
    #[error("files may be pictures, PDF, office documents, sound, video and plain text")]
    Kind,
}

impl InvalidFile {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_file",
            Self::Kind => "unsupported_file_type",
        }
    }
}

/// What is taken. No page and no picture that a browser would run anything of.
const TAKEN: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/heif",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/m4a",
    "audio/aac",
    "audio/amr",
    "audio/x-wav",
    "video/mp4",
    "video/webm",
    "video/quicktime",
];

/// What the file that begins with `head` is, whatever its name says.
///
/// # Errors
/// [`InvalidFile`] when it is nothing that is taken.
pub fn content_type_of(head: &[u8]) -> Result<&'static str, InvalidFile> {
    if head.is_empty() {
        return Err(InvalidFile::Empty);
    }
    if let Some(found) = infer::get(head) {
        return TAKEN
            .iter()
            .find(|taken| **taken == found.mime_type())
            .copied()
            .ok_or(InvalidFile::Kind);
    }
    // A character may be cut off where the head ends.
    let is_utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    let is_text = is_utf8
        && head
            .iter()
            .all(|byte| !byte.is_ascii_control() || matches!(byte, b'\n' | b'\r' | b'\t'));
    if is_text {
        Ok("text/plain")
    } else {
        Err(InvalidFile::Kind)
    }
}

/// What a file may be called: its name without the folders before it, at most 150 characters.
///
/// # Errors
/// [`InvalidText`] when nothing is left.
pub fn file_name(text: &str) -> Result<String, InvalidText> {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last
        .chars()
        .filter(|character| !character.is_control())
        .take(150)
        .collect();
    bounded(plain.trim_matches('.'), 1, 150)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_is_what_it_begins_with() {
        assert_eq!(content_type_of(b"%PDF-1.7\n"), Ok("application/pdf"));
        assert_eq!(content_type_of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Ok("image/png"));
        assert_eq!(content_type_of("Olá, çã".as_bytes()), Ok("text/plain"));
        assert_eq!(content_type_of(b""), Err(InvalidFile::Empty));
        assert_eq!(content_type_of(b"\x7fELF\x02\x01\x01\0\0\0"), Err(InvalidFile::Kind));
        assert_eq!(content_type_of(b"\0\x01\x02\x03"), Err(InvalidFile::Kind));
        assert_eq!(content_type_of(b"<!DOCTYPE html><script>"), Err(InvalidFile::Kind));
    }

    #[test]
    fn names_have_no_folders() {
        assert_eq!(file_name("../../etc/passwd").unwrap(), "passwd");
        assert_eq!(file_name("C:\\exames\\sangue.pdf").unwrap(), "sangue.pdf");
        assert!(file_name("..").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_and_names_are_read(bytes in prop::collection::vec(any::<u8>(), 0..64), name in "\\PC{0,30}") {
            let _ = content_type_of(&bytes);
            if let Ok(name) = file_name(&name) {
                prop_assert!(!name.contains(['/', '\\', '\r', '\n']));
            }
        }
    }
}
