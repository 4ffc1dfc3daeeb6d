//! What a short reply means. Pure, and cautious: what is not plainly one of the known answers is left to a person.
//!
//! A reply is cut into words and signs; case, accents and punctuation are left aside. It is an answer when it is made of known
//! phrases that all say the same, with nothing but greetings and thanks between them: `Sim, confirmo!` is, `sim mas mais tarde` is
//! not. A question is never an answer, nor is what has more than eight words. What has a no in it may turn round what stands beside
//! it, so it only counts where it stands alone.

use kernel::fold::fold;
use kernel::text_enum;

use super::phrases::{Meaning, meaning_of};

text_enum! {
    /// What a reply asks for.
    pub enum Answer {
        /// They will come; they take what is offered.
        Confirm = "confirm",
        /// They will not come; they do not want what is offered.
        Cancel = "cancel",
        /// They want another time.
        Reschedule = "reschedule",
    }
    error = UnknownAnswer, code = "unknown_answer";
}

/// The most words and signs of an answer.
const MOST_WORDS: usize = 8;
/// The longest text that is looked at, in bytes.
const LONGEST: usize = 120;

/// What `text` asks for; none when a person should read it.
#[must_use]
pub fn interpret(text: &str) -> Option<Answer> {
    if text.len() > LONGEST || text.contains(['?', '¿', '？']) {
        return None;
    }
    let words = words(&fold(text));
    if words.is_empty() || words.len() > MOST_WORDS {
        return None;
    }
    let mut said: Option<Answer> = None;
    let (mut phrases, mut alone) = (0_usize, false);
    let mut rest: &[String] = &words;
    while !rest.is_empty() {
        let (meaning, length) = longest_phrase(rest)?;
        rest = rest.get(length..)?;
        let (answer, only) = match meaning {
            Meaning::Filler => continue,
            Meaning::Says(answer) => (answer, false),
            Meaning::SaysAlone(answer) => (answer, true),
        };
        if said.is_some_and(|before| before != answer) {
            return None;
        }
        said = Some(answer);
        phrases = phrases.saturating_add(1);
        alone = alone || only;
    }
    if alone && phrases > 1 { None } else { said }
}

/// The known phrase that `words` begin with, the longest there is, and how many words it has.
fn longest_phrase(words: &[String]) -> Option<(Meaning, usize)> {
    (1..=words.len())
        .rev()
        .find_map(|length| Some((meaning_of(&words.get(..length)?.join(" "))?, length)))
}

/// Words and signs of folded text: punctuation separates, each sign stands for itself, colours of skin are nothing.
fn words(folded: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for character in folded.chars() {
        let is_part = character.is_alphanumeric() || matches!(character, '\'' | '’');
        if is_part {
            word.push(if character == '’' { '\'' } else { character });
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !is_nothing(character) {
            words.push(character.to_string());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether a character says nothing by itself: spaces, punctuation, joiners, variants and colours of signs.
fn is_nothing(character: char) -> bool {
    character.is_whitespace()
        || character.is_ascii_punctuation()
        || matches!(character, '\u{200b}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}' | '¡')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::phrases::{CANCEL, CONFIRM, NO, RESCHEDULE};
    use super::*;

    #[test]
    fn what_people_write_is_understood() {
        use Answer::{Cancel, Confirm, Reschedule};
        for (answer, texts) in [
            (
                Some(Confirm),
                &[
                    "1",
                    " 1. ",
                    "1️⃣",
                    "Sim",
                    "SIM!!",
                    "sim, confirmo",
                    "Confirmo.",
                    "ok",
                    "OK 👍",
                    "👍",
                    "👍🏽",
                    "👍👍",
                    "✅",
                    "Ok, obrigada!",
                    "Bom dia! Confirmo sim",
                    "yes",
                    "Yes, please",
                    "confirmado 🙏",
                    "(1)",
                    "\"sim\"",
                    "Presença confirmada",
                ][..],
            ),
            (
                Some(Cancel),
                &[
                    "2",
                    "2️⃣",
                    "não",
                    "NAO",
                    "Não posso",
                    "nao, obrigado",
                    "Cancelar",
                    "cancelar por favor",
                    "👎",
                    "no",
                    "No, thanks",
                    "I can’t make it",
                    "não vou poder ir",
                    "Olá, quero desmarcar. Obrigada",
                ][..],
            ),
            (
                Some(Reschedule),
                &["3", "Remarcar", "quero remarcar, por favor", "outro dia", "reschedule"][..],
            ),
            (
                None,
                &[
                    "",
                    " ",
                    "?",
                    "1?",
                    "sim?",
                    "confirmo? que horas é?",
                    "12",
                    "1 2",
                    "1 ou 2",
                    "sim não",
                    "não, sim",
                    "não cancelar",
                    "não confirmo",
                    "no cancel",
                    "não quero cancelar",
                    "não posso cancelar",
                    "i can't cancel",
                    "nao 👍",
                    "👍👎",
                    "sim mas mais tarde",
                    "ok, mas pode ser às 15h",
                    "obrigada",
                    "bom dia",
                    "talvez",
                    "posso levar minha filha",
                    "quem é",
                    "confirmo que não vou",
                    "11",
                    "01",
                    "1.5",
                    "10:00",
                    "não remarcar",
                    "sim sim sim sim sim sim sim sim sim",
                    "vou",
                    "cancelamento",
                ][..],
            ),
        ] {
            for text in texts {
                assert_eq!(interpret(text), answer, "{text:?}");
            }
        }
    }

    fn phrases() -> impl Strategy<Value = (&'static str, Answer)> {
        prop_oneof![
            prop::sample::select(CONFIRM).prop_map(|phrase| (phrase, Answer::Confirm)),
            prop::sample::select(CANCEL).prop_map(|phrase| (phrase, Answer::Cancel)),
            prop::sample::select(NO).prop_map(|phrase| (phrase, Answer::Cancel)),
            prop::sample::select(RESCHEDULE).prop_map(|phrase| (phrase, Answer::Reschedule)),
        ]
    }

    proptest! {
        #[test]
        fn case_spaces_and_punctuation_do_not_matter(
            (phrase, answer) in phrases(), upper: bool, before in "[ \\t\"(*]{0,3}", after in "[ .!,;:)*\\n]{0,4}",
        ) {
            let shown = if upper { phrase.to_uppercase() } else { phrase.to_owned() };
            prop_assert_eq!(interpret(&format!("{before}{shown}{after}")), Some(answer));
        }

        #[test]
        fn a_word_that_is_not_known_is_left_to_a_person((phrase, _) in phrases(), word in "[a-z]{9,14}", first: bool) {
            prop_assume!(meaning_of(&word).is_none());
            let text = if first { format!("{word} {phrase}") } else { format!("{phrase} {word}") };
            prop_assert_eq!(interpret(&text), None);
        }

        #[test]
        fn what_contradicts_itself_is_left_to_a_person((one, said) in phrases(), (other, also) in phrases()) {
            let both = interpret(&format!("{one}, {other}"));
            if said == also {
                prop_assert!(both.is_none_or(|both| both == said));
            } else {
                prop_assert_eq!(both, None);
            }
        }

        #[test]
        fn a_no_before_anything_is_never_taken_for_an_answer(no in prop::sample::select(NO), (phrase, _) in phrases()) {
            prop_assume!(meaning_of(&format!("{no} {phrase}")).is_none());
            prop_assert_eq!(interpret(&format!("{no} {phrase}")), None);
        }

        #[test]
        fn any_text_at_all_is_survived(text in "\\PC{0,60}") {
            let _whatever = interpret(&text);
        }
    }
}
