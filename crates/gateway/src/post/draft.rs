//! A mail as the product writes it: a greeting, some words around one link, and who writes, as text and as HTML.

use clinics::clinic::Locale;
use clinics::credentials::ClinicSummary;
use kernel::Timestamp;

use super::Letter;

/// A mail around one link.
pub(crate) struct Draft {
    /// In which language.
    pub(crate) language: Locale,
    /// What it is about.
    pub(crate) subject: String,
    /// Whom it greets.
    pub(crate) greeting: String,
    /// Before the link.
    pub(crate) before: String,
    /// What the link says in HTML.
    pub(crate) button: &'static str,
    /// The link.
    pub(crate) link: String,
    /// After the link.
    pub(crate) after: Vec<String>,
}

/// The language of the clinic.
pub(crate) fn language(clinic: &ClinicSummary) -> Locale {
    Locale::parse(&clinic.locale).unwrap_or(Locale::PtBr)
}

/// An instant as people of the clinic write it, with its zone.
pub(crate) fn moment(moment: Timestamp, clinic: &ClinicSummary, language: Locale) -> String {
    let format = match language {
        Locale::PtBr => "%d/%m/%Y às %H:%M",
        Locale::En => "%-d %B %Y, %H:%M",
    };
    let local = moment.local_in(clinic.zone).format(format);
    format!("{local} ({})", clinic.zone.name())
}

impl Draft {
    /// The mail as text and as HTML, which loads nothing from anywhere.
    pub(crate) fn finish(self) -> Letter {
        let signature = match self.language {
            Locale::PtBr => "Mensagem automática do TaskMed; respostas não são lidas.",
            Locale::En => "An automatic message of TaskMed; answers are not read.",
        };
        let after = self.after.join("\n\n");
        let text = format!(
            "{}\n\n{}\n\n{}\n\n{after}\n\n-- \n{signature}\n",
            self.greeting, self.before, self.link
        );
        let mut body = paragraph(&escape(&self.greeting)) + &paragraph(&escape(&self.before));
        let link = escape(&self.link);
        body += &paragraph(&format!("<a href=\"{link}\">{}</a>", escape(self.button)));
        body += &paragraph(&link);
        for text in &self.after {
            body += &paragraph(&escape(text));
        }
        body += &paragraph(&format!("<small>{}</small>", escape(signature)));
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{}</title></head><body>\n{body}</body></html>\n",
            self.language,
            escape(&self.subject)
        );
        Letter {
            subject: self.subject,
            text,
            html,
        }
    }
}

fn paragraph(html: &str) -> String {
    format!("<p>{html}</p>\n")
}

/// `text` as it stands in HTML, also within an attribute: names are what people typed.
fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut html, character| {
            match character {
                '&' => html.push_str("&amp;"),
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '"' => html.push_str("&quot;"),
                '\'' => html.push_str("&#39;"),
                // A control character has no place in HTML.
                control if control.is_control() => html.push(' '),
                other => html.push(other),
            }
            html
        })
}
