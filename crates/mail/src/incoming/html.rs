//! The text in HTML: what a person would read, without anything that could run, load or hide.

use mail_parser::decoders::html::html_to_text;

/// More HTML than this is cut off: newsletters have a tenth of it.
const MAX_BYTES: usize = 1 << 20;

/// Ends of these are ends of lines.
const BLOCKS: [&str; 12] = [
    "div",
    "tr",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "table",
    "ul",
];

/// The text of `html`.
pub(super) fn text_of(html: &str) -> String {
    let html = crate::incoming::reading::cut(html, MAX_BYTES);
    let text = html_to_text(&with_line_ends(html));
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    // More than one empty line in a row is layout.
    let mut kept: Vec<&str> = Vec::with_capacity(lines.len());
    for line in lines {
        if !line.is_empty() || kept.last().is_some_and(|last| !last.is_empty()) {
            kept.push(line);
        }
    }
    kept.join("\n").trim().to_owned()
}

/// The converter ends lines at `<br>` and `</p>` only: so each end of another block gets a `<br>`.
fn with_line_ends(html: &str) -> String {
    let mut out = String::with_capacity(html.len().saturating_add(html.len() / 8));
    let mut rest = html;
    while let Some((before, after)) = rest.split_once("</") {
        out.push_str(before);
        out.push_str("</");
        let name: String = after
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .take(12)
            .collect::<String>()
            .to_ascii_lowercase();
        match after.split_once('>') {
            Some((tag, behind)) if BLOCKS.contains(&name.as_str()) => {
                out.push_str(tag);
                out.push_str("><br>");
                rest = behind;
            }
            _ => rest = after,
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_person_reads_the_same_in_both() {
        let html = "<html><head><title>x</title><style>p{color:red}</style></head><body><script>alert(1)</script>\
            <div>Ol&aacute;, <b>Maria</b>!</div><div><br></div><ul><li>um</li><li>dois &amp; meio</li></ul>\
            <!-- hidden --><p>At&#233; logo</p></body></html>";
        let text = text_of(html);
        for part in ["Olá, Maria!", "um\n", "dois & meio\n", "Até logo"] {
            assert!(text.contains(part), "{part:?} in {text:?}");
        }
        for hidden in ["alert", "color", "hidden", "<", "title"] {
            assert!(!text.contains(hidden), "{hidden:?} in {text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_html_makes_it_panic(html in "(<|>|/|!|-|&|;|#|x|br|div|script|style|head|é|€|\u{0}| |\n|a|9|\"){0,60}") {
            let _ = text_of(&html);
        }

        #[test]
        fn no_text_makes_it_panic(html in any::<String>()) {
            let _ = text_of(&html);
        }
    }
}
