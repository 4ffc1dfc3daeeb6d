//! What the numbers have in common: weighted sums modulo 11, and the punctuation people write between the digits.

/// The value of a character in a check sum: its ASCII code less 48, so `0`–`9` are 0–9 and `A`–`Z` are 17–42.
fn value(byte: u8) -> u32 {
    u32::from(byte.saturating_sub(b'0'))
}

/// The sum of the characters' values, each times its weight.
pub(super) fn weighted_sum(text: &str, weights: impl IntoIterator<Item = u32>) -> u32 {
    text.bytes()
        .zip(weights)
        .map(|(byte, weight)| value(byte) * weight)
        .sum()
}

/// The check digit of CPF and CNPJ for a weighted sum: what is missing to a multiple of 11, and 0 for 10 and 11.
pub(super) fn check_digit(sum: u32) -> char {
    let digit = match sum % 11 {
        0 | 1 => 0,
        remainder => 11 - remainder,
    };
    char::from_digit(digit, 10).unwrap_or('0')
}

/// `text` without white space and the given punctuation.
pub(super) fn strip(text: &str, punctuation: &[char]) -> String {
    text.chars()
        .filter(|character| !character.is_whitespace() && !punctuation.contains(character))
        .collect()
}

/// Whether `text` is one character over and over: such numbers pass the arithmetic, and are what people type to get
/// past a form; none was ever given out.
pub(super) fn all_equal(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next();
    bytes.all(|byte| Some(byte) == first)
}

/// Whether `text` is ASCII digits only.
pub(super) fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The characters of `text` from `start` to `end`, for numbers whose length is known; nothing outside them.
pub(super) fn part(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}
