//! From bytes to text: UTF-8, what Excel writes in Brazil (Windows-1252), and UTF-16 with a byte order mark.

use std::borrow::Cow;
use std::str::FromStr;

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How a file's bytes stand for its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// Windows-1252, of which ISO 8859-1 is a part.
    Windows1252,
    /// UTF-16, the low byte first.
    Utf16LittleEndian,
    /// UTF-16, the high byte first.
    Utf16BigEndian,
}

/// A name of no encoding that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an encoding is one of utf-8, windows-1252, utf-16le, utf-16be")]
pub struct UnknownEncoding;

impl Encoding {
    /// The encoding's name, as the WHATWG Encoding Standard writes it in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Windows1252 => "windows-1252",
            Self::Utf16LittleEndian => "utf-16le",
            Self::Utf16BigEndian => "utf-16be",
        }
    }

    /// The encoding of `bytes`: what their byte order mark says; else UTF-8 where they are that; else Windows-1252, in which
    /// every byte means something.
    #[must_use]
    pub fn detect(bytes: &[u8]) -> Self {
        match encoding_rs::Encoding::for_bom(bytes) {
            Some((encoding, _)) if encoding == UTF_16LE => Self::Utf16LittleEndian,
            Some((encoding, _)) if encoding == UTF_16BE => Self::Utf16BigEndian,
            Some(_) => Self::Utf8,
            None if std::str::from_utf8(bytes).is_ok() => Self::Utf8,
            None => Self::Windows1252,
        }
    }

    /// The text of `bytes`, without a byte order mark. What is no text of this encoding becomes U+FFFD, so that the row it
    /// stands in can be told.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        self.standard().decode_with_bom_removal(bytes).0
    }

    /// As [`Self::decode`], part by part.
    pub(crate) fn decoder(self) -> encoding_rs::Decoder {
        self.standard().new_decoder_with_bom_removal()
    }

    const fn standard(self) -> &'static encoding_rs::Encoding {
        match self {
            Self::Utf8 => UTF_8,
            Self::Windows1252 => WINDOWS_1252,
            Self::Utf16LittleEndian => UTF_16LE,
            Self::Utf16BigEndian => UTF_16BE,
        }
    }
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "windows-1252" | "cp1252" | "latin1" | "iso-8859-1" => Ok(Self::Windows1252),
            "utf-16le" => Ok(Self::Utf16LittleEndian),
            "utf-16be" => Ok(Self::Utf16BigEndian),
            _ => Err(UnknownEncoding),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str, bytes_of: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once(0xfeff)
            .chain(text.encode_utf16())
            .flat_map(bytes_of)
            .collect()
    }

    #[test]
    fn the_usual_files_are_told_apart() {
        let text = "nome;São João";
        let latin = WINDOWS_1252.encode(text).0.into_owned();
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), Encoding::Utf8),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), Encoding::Utf8),
            (latin, Encoding::Windows1252),
            (utf16(text, u16::to_le_bytes), Encoding::Utf16LittleEndian),
            (utf16(text, u16::to_be_bytes), Encoding::Utf16BigEndian),
        ] {
            assert_eq!(Encoding::detect(&bytes), encoding);
            assert_eq!(encoding.decode(&bytes), text);
            assert_eq!(encoding.name().parse(), Ok(encoding));
        }
        assert_eq!("ebcdic".parse::<Encoding>(), Err(UnknownEncoding));
    }

    proptest! {
        #[test]
        fn utf8_is_always_read_as_such(text in "[^\u{feff}]\\PC*") {
            prop_assert_eq!(Encoding::detect(text.as_bytes()).decode(text.as_bytes()), text.as_str());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Encoding::detect(&bytes).decode(&bytes);
        }
    }
}
