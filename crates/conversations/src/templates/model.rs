//! What a template is.

use db::schema::message_templates;
use diesel::pg::Pg;
use diesel::prelude::*;
use kernel::text::{InvalidText, bounded, multiline};
use serde::{Deserialize, Serialize};

use kernel::{FieldErrors, InboxId, MessageTemplateId, Timestamp, Version, coded, text_column, text_enum};

text_enum! {
    /// What a template is for, by WhatsApp's own division.
    pub enum Category {
        /// About something the person has asked for: an appointment, a payment.
        Utility = "utility",
        /// Offers and news.
        Marketing = "marketing",
        /// Codes to sign in with.
        Authentication = "authentication",
    }
    error = InvalidCategory, code = "unknown_category";
}

text_enum! {
    /// What the channel said of a template.
    pub enum TemplateStatus {
        /// It may be used.
        Approved = "approved",
        /// Nothing yet.
        Pending = "pending",
        /// It may not.
        Rejected = "rejected",
    }
    error = InvalidTemplateStatus, code = "unknown_status";
}

/// Text that is no name or language of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplateName {
    /// No name.
    #[error("a template's name is a word of 1 to 512 of a-z, 0-9 and _")]
    Name,
    /// No language.
    #[error("a language is written as pt_BR or en")]
    Language,
}

impl InvalidTemplateName {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name => "invalid_name",
            Self::Language => "invalid_language",
        }
    }
}

text_column! {
    /// A template's name at the channel.
    #[derive(PartialOrd, Ord)]
    #[schema(pattern = "^[a-z0-9_]{1,512}$", example = "lembrete_de_consulta")]
    pub struct TemplateName(String);
    error = InvalidTemplateName;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| text.to_owned();
}

impl TemplateName {
    /// The name that `text` is.
    ///
    /// # Errors
    /// [`InvalidTemplateName::Name`].
    pub fn parse(text: &str) -> Result<Self, InvalidTemplateName> {
        let is_name = (1..=512).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if is_name {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTemplateName::Name)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_column! {
    /// A template's language, as WhatsApp writes it.
    #[derive(PartialOrd, Ord)]
    #[schema(pattern = "^[a-z]{2,3}(_[A-Z]{2})?$", example = "pt_BR")]
    pub struct TemplateLanguage(String);
    error = InvalidTemplateName;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| text.to_owned();
}

impl TemplateLanguage {
    /// The language that `text` is.
    ///
    /// # Errors
    /// [`InvalidTemplateName::Language`].
    pub fn parse(text: &str) -> Result<Self, InvalidTemplateName> {
        let (language, region) = text.split_once('_').unwrap_or((text, "BR"));
        let is_language = (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_region = region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase());
        if is_language && is_region {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTemplateName::Language)
        }
    }

    /// The language.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplateBody {
    /// As for any text.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// Places that are not numbered one after the other.
    #[error("the places of a template are {{{{1}}}}, {{{{2}}}} and so on, none left out, 50 at most")]
    Places,
}

impl InvalidTemplateBody {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Text(error) => error.code(),
            Self::Places => "invalid_placeholders",
        }
    }
}

coded!(InvalidTemplateName, InvalidTemplateBody);

/// The most places of a template.
const MOST_PLACES: i16 = 50;

text_column! {
    /// What a template says: 1 to 1,024 characters with places `{{1}}`, `{{2}}` and so on.
    #[schema(min_length = 1, max_length = 1024, example = "Olá, {{1}}! Sua consulta é em {{2}}.")]
    pub struct TemplateBody(String);
    error = InvalidTemplateBody;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| text.to_owned();
}

impl TemplateBody {
    /// The text, if its places are numbered one after the other.
    ///
    /// # Errors
    /// [`InvalidTemplateBody`].
    pub fn parse(text: &str) -> Result<Self, InvalidTemplateBody> {
        let text = multiline(text, 1, 1024)?;
        let mut seen = std::collections::BTreeSet::new();
        let mut rest = text.as_str();
        while let Some((_, place)) = rest.split_once("{{") {
            let (number, after) = place.split_once("}}").ok_or(InvalidTemplateBody::Places)?;
            let number: i16 = number.parse().map_err(|_not_a_number| InvalidTemplateBody::Places)?;
            seen.insert(number);
            rest = after;
        }
        let body = Self(text);
        let count = i16::try_from(seen.len()).unwrap_or(i16::MAX);
        if count <= MOST_PLACES && seen.into_iter().eq(1..=count) {
            Ok(body)
        } else {
            Err(InvalidTemplateBody::Places)
        }
    }

    /// How many places it has.
    #[must_use]
    pub fn parameter_count(&self) -> i16 {
        (1..=MOST_PLACES)
            .take_while(|number| self.0.contains(&format!("{{{{{number}}}}}")))
            .last()
            .unwrap_or(0)
    }

    /// The text with `parameters` in its places.
    fn filled(&self, parameters: &[String]) -> String {
        let mut out = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, place)) = rest.split_once("{{") {
            let (number, after) = place.split_once("}}").unwrap_or((place, ""));
            out.push_str(before);
            let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let value = index.and_then(|index| parameters.get(index));
            out.push_str(value.map_or("", String::as_str));
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A template, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = message_templates, check_for_backend(Pg))]
pub struct Template {
    /// Its id.
    pub id: MessageTemplateId,
    /// Whose it is.
    pub inbox_id: InboxId,
    /// Its name at the channel.
    pub name: TemplateName,
    /// Its language.
    pub language: TemplateLanguage,
    /// What it is for.
    pub category: Category,
    /// What it says.
    pub body: TemplateBody,
    /// How many places it has.
    pub parameter_count: i16,
    /// What the channel said of it.
    pub status: TemplateStatus,
    /// When it was put away.
    pub archived_at: Option<Timestamp>,
    /// How often it was written.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl Template {
    /// Whether it may be used.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        self.status == TemplateStatus::Approved && self.archived_at.is_none()
    }

    /// What it says with `parameters` in its places.
    ///
    /// # Errors
    /// When they are not as many as there are places, or one of them is blank, longer than 1,024 characters, or has line breaks,
    /// none of which WhatsApp takes.
    pub fn filled(&self, parameters: &[String]) -> Result<String, FieldErrors> {
        let mut errors = FieldErrors::new();
        if i16::try_from(parameters.len()) != Ok(self.parameter_count) {
            errors.push(
                "/parameters",
                "wrong_count",
                format!("the template has {} places", self.parameter_count),
            );
        }
        for (index, parameter) in parameters.iter().enumerate() {
            if let Err(error) = bounded(parameter, 1, 1024) {
                errors.push(format!("/parameters/{index}"), error.code(), error);
            }
        }
        errors.finish(Some(self.body.filled(parameters)))
    }
}

/// What a message keeps of the template that it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedTemplate {
    /// The template.
    pub id: MessageTemplateId,
    /// Its name at the channel.
    pub name: TemplateName,
    /// Its language.
    pub language: TemplateLanguage,
    /// What stood in its places.
    pub parameters: Vec<String>,
}

/// A template to be made.
#[derive(Debug, Clone)]
pub struct NewTemplate {
    /// Whose it is.
    pub inbox: InboxId,
    /// Its name at the channel.
    pub name: TemplateName,
    /// Its language.
    pub language: TemplateLanguage,
    /// What it is for.
    pub category: Category,
    /// What it says.
    pub body: TemplateBody,
    /// What the channel said of it.
    pub status: TemplateStatus,
}

/// What changes about a template; `None` keeps.
#[derive(Debug, Clone, Default)]
pub struct TemplateChanges {
    /// What it is for.
    pub category: Option<Category>,
    /// What it says.
    pub body: Option<TemplateBody>,
    /// What the channel said of it.
    pub status: Option<TemplateStatus>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_are_counted_and_filled() {
        let body = TemplateBody::parse("Olá, {{1}}! {{2}} de {{1}}").unwrap();
        assert_eq!(body.parameter_count(), 2);
        assert_eq!(
            body.filled(&["Ana".to_owned(), "{{1}}".to_owned()]),
            "Olá, Ana! {{1}} de Ana"
        );
        for bad in ["{{2}}", "{{0}}", "{{um}}", "{{1", "{{1}} {{3}}"] {
            assert_eq!(TemplateBody::parse(bad), Err(InvalidTemplateBody::Places), "{bad}");
        }
        assert_eq!(TemplateBody::parse("sem lugares").unwrap().parameter_count(), 0);
    }

    #[test]
    fn languages_are_as_whatsapp_writes_them() {
        for good in ["pt_BR", "en", "fil"] {
            assert!(TemplateLanguage::parse(good).is_ok(), "{good}");
        }
        for bad in ["pt-BR", "PT", "pt_br", "", "p"] {
            assert!(TemplateLanguage::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(\\PC|\\{\\{|\\}\\}|[1-3]){0,20}") {
            if let Ok(body) = TemplateBody::parse(&text) {
                let parameters: Vec<String> = (0..body.parameter_count()).map(|_| "x".to_owned()).collect();
                prop_assert!(!body.filled(&parameters).contains("{{1}}"));
            }
        }
    }
}
