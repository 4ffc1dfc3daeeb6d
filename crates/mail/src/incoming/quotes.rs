//! Where new words end and the mails before begin. There is no standard: each client marks it in its own way, so this knows the
//! marks of the common ones in Portuguese, English and Spanish, and when in doubt it keeps the text whole.

/// The most lines that are looked at; beyond them nothing is cut off.
const MAX_LINES: usize = 20_000;

/// How a line that says who wrote what follows begins and ends. It may be wrapped over three lines.
const ATTRIBUTIONS: [(&str, &str); 6] = [
    ("on ", "wrote:"),
    ("em ", "escreveu:"),
    ("no dia ", "escreveu:"),
    ("a ", "escreveu:"),
    ("el ", "escribió:"),
    ("le ", "a écrit :"),
];

/// Lines that begin a mail that was put below.
const SEPARATORS: [&str; 8] = [
    "original message",
    "mensagem original",
    "mensaje original",
    "mensagem encaminhada",
    "forwarded message",
    "mensaje reenviado",
    "mensagem reencaminhada",
    "reply message",
];

/// The names of headers that clients copy above what they quote.
const COPIED_HEADERS: [&[&str]; 4] = [
    &["from:", "de:"],
    &[
        "sent:",
        "date:",
        "enviada em:",
        "enviado:",
        "enviada:",
        "enviado em:",
        "data:",
        "fecha:",
    ],
    &["to:", "para:"],
    &["subject:", "assunto:", "asunto:"],
];

/// The new words in `text`, and what it quotes below them.
pub(super) fn split(text: &str) -> (String, Option<String>) {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > MAX_LINES {
        return (text.trim().to_owned(), None);
    }
    let start = (0..lines.len()).find(|at| begins_quote(lines.get(*at..).unwrap_or_default()));
    let Some(start) = start else {
        return (text.trim().to_owned(), None);
    };
    let (new, quoted) = lines.split_at(start);
    let (new, quoted) = (new.join("\n").trim().to_owned(), quoted.join("\n").trim().to_owned());
    if new.is_empty() {
        // Nothing above it: it was passed on, or answered below.
        (text.trim().to_owned(), None)
    } else {
        (new, Some(quoted))
    }
}

/// Whether `rest`, from here to the end, is what was quoted.
fn begins_quote(rest: &[&str]) -> bool {
    let Some((first, below)) = rest.split_first() else {
        return false;
    };
    if let Some(lines) = attribution(rest) {
        return is_all_quoted(rest.get(lines..).unwrap_or_default());
    }
    if is_separator(first) || has_copied_headers(rest) {
        return true;
    }
    // A line of underscores stands above copied headers (Outlook).
    if is_rule(first) && has_copied_headers(below) {
        return true;
    }
    is_quoted(first) && is_all_quoted(rest)
}

/// How many lines say who wrote what follows, if the first ones do.
fn attribution(rest: &[&str]) -> Option<usize> {
    let first = rest.first()?.trim_start_matches(['>', ' ']).to_lowercase();
    let starts: Vec<&(&str, &str)> = ATTRIBUTIONS
        .iter()
        .filter(|(start, _)| first.starts_with(start))
        .collect();
    if starts.is_empty() {
        return None;
    }
    let mut joined = String::new();
    for (number, line) in rest.iter().take(3).enumerate() {
        if line.trim().is_empty() {
            return None;
        }
        joined.push_str(&line.trim().to_lowercase());
        joined.push(' ');
        let ends = starts.iter().any(|(_, end)| joined.trim_end().ends_with(end));
        // A day or an address is in each of them; a person who writes "on the wall he wrote:" has neither.
        if ends && joined.contains(|character: char| character.is_ascii_digit() || character == '@') {
            return Some(number.saturating_add(1));
        }
    }
    None
}

/// Whether nothing new stands among or below what is quoted. Text that is not marked (HTML without marks) counts as quoted only
/// when none of it is marked.
fn is_all_quoted(rest: &[&str]) -> bool {
    let mut marked = false;
    let mut unmarked_after_marked = false;
    let mut unmarked_before_marked = false;
    for line in rest.iter().filter(|line| !line.trim().is_empty()) {
        if is_quoted(line) {
            if unmarked_after_marked || unmarked_before_marked {
                return false;
            }
            marked = true;
        } else if marked {
            unmarked_after_marked = true;
        } else {
            unmarked_before_marked = true;
        }
    }
    !unmarked_after_marked
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 10 && line.bytes().all(|byte| byte == b'_' || byte == b'-')
}

fn is_separator(line: &str) -> bool {
    let line = line.trim();
    let words = line.trim_matches(['-', ' ', '_', '*']).to_lowercase();
    line.starts_with("--") && SEPARATORS.contains(&words.as_str())
}

/// Whether the next lines are headers copied from a mail: who, and at least two more of when, to whom and about what.
fn has_copied_headers(rest: &[&str]) -> bool {
    let mut found = [false; 4];
    let begins = |line: &str, names: &[&str]| {
        let line = line.trim().trim_matches('*').to_lowercase();
        names.iter().any(|name| line.starts_with(name))
    };
    let who = COPIED_HEADERS.first().copied().unwrap_or_default();
    if !rest.first().is_some_and(|line| begins(line, who)) {
        return false;
    }
    for line in rest.iter().take(8) {
        for (names, found) in COPIED_HEADERS.iter().zip(&mut found) {
            *found = *found || begins(line, names);
        }
    }
    found.iter().filter(|found| **found).count() >= 3
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn assert_split(text: &str, new: &str, quoted_begins: &str) {
        let (found, quoted) = split(text);
        assert_eq!(found, new);
        let quoted = quoted.unwrap_or_else(|| panic!("nothing was cut off of {text}"));
        assert!(quoted.starts_with(quoted_begins), "{quoted}");
    }

    #[test]
    fn answers_of_common_clients_are_cut_where_the_quote_begins() {
        assert_split(
            "Confirmo, obrigada!\n\nEm ter., 24 de nov. de 2026 às 09:12, Clínica Aurora <agenda@aurora.example> escreveu:\n\n> Olá\n> Amanhã às 9h\n",
            "Confirmo, obrigada!",
            "Em ter.",
        );
        assert_split(
            "Yes\n\nOn Tue, Nov 24, 2026 at 9:12 AM Clinic Aurora\n<agenda@aurora.example> wrote:\n> Hello\n",
            "Yes",
            "On Tue",
        );
        assert_split(
            "Pode ser.\n\n________________________________\nDe: Clínica Aurora <agenda@aurora.example>\nEnviado: terça-feira, 24 de novembro de 2026 09:12\nPara: Maria\nAssunto: Consulta\n\nOlá, Maria\n",
            "Pode ser.",
            "____",
        );
        assert_split(
            "ok\n\n-----Mensagem original-----\nDe: x\n\ntexto\n",
            "ok",
            "-----Mensagem",
        );
        assert_split("ok\n> a\n> b\n\n", "ok", "> a");
        assert_split(
            "Sim\n\nEl mar, 24 nov 2026 a las 9:12, Clínica (<a@b.example>) escribió:\n\nsin marcas\n",
            "Sim",
            "El mar",
        );
    }

    #[test]
    fn answers_between_the_lines_stay_whole() {
        for text in [
            "Em 24/11/2026 09:12, Clínica escreveu:\n> Pode às 9h?\nPosso.\n> E às 10h?\nNão.",
            "Oi\n\nOn 24/11/2026, a@b.example wrote:\n> At 9?\nYes.\n",
            "No muro ele escreveu: oi",
            "De: mim para você, com carinho",
            "a > b\nc",
            "",
        ] {
            assert_eq!(split(text), (text.trim().to_owned(), None), "{text}");
        }
    }

    #[test]
    fn what_is_only_passed_on_stays_whole() {
        let text = "---------- Forwarded message ---------\nDe: x\nDate: y\nSubject: z\n\nolá";
        assert_eq!(split(text), (text.to_owned(), None));
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "(Em 1 escreveu:|> |De: a|Para: b|Assunto: c|oi|-----Mensagem original-----|\n){0,40}") {
            let (new, quoted) = split(&text);
            let together = format!("{new}{}", quoted.unwrap_or_default());
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(squeezed(&together), squeezed(&text));
        }
    }
}
