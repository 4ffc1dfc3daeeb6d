//! Text without case and accents, for comparing what people wrote differently.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// `text` in lower case, without accents, its words one space apart: `  José  ÁVILA` and `jose avila` are one.
///
/// What the database's `search_form` does for its search columns; the two may differ in rare letters (such as `ø`), so
/// values of one are never looked up in the other.
#[must_use]
pub fn fold(text: &str) -> String {
    let plain = text
        .nfkd()
        .filter(|character| !is_combining_mark(*character))
        .collect::<String>()
        .to_lowercase();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_accents_and_spaces_do_not_matter() {
        assert_eq!(fold("  José  ÁVILA "), "jose avila");
        assert_eq!(fold("Conceição"), fold("conceic\u{327}a\u{303}o"));
        assert_eq!(fold("Nº"), "no");
    }

    proptest! {
        #[test]
        fn folded_text_stays_as_it_is(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
