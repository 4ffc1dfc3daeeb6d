//! One name, several languages: which of them is spoken.

use db::{DbError, TenantRead};
use kernel::InboxId;

use super::model::Template;
use super::store;

/// The template `name` of an inbox that may be used, in the language that is nearest to `locale`, such as `pt-BR` (RFC 5646): of
/// the same language and country, else of the language alone, else of the language in another country, else of any, since a template
/// in another language is better than no word.
pub(crate) async fn in_language(
    tx: &TenantRead<'_>,
    inbox: InboxId,
    name: &str,
    locale: &str,
) -> Result<Option<Template>, DbError> {
    let all = store::by_name(tx, inbox, name).await?;
    // Of several that are equally far the first by language.
    Ok(all
        .into_iter()
        .min_by_key(|template| distance(template.language.as_str(), locale)))
}

/// How far the language of a template (`pt_BR`) is from a locale.
fn distance(language: &str, locale: &str) -> u8 {
    let (spoken, country) = parts(language);
    let (wanted, wanted_country) = parts(locale);
    match (spoken.eq_ignore_ascii_case(wanted), country) {
        (false, _) => 3,
        (true, country) if same(country, wanted_country) => 0,
        (true, None) => 1,
        (true, Some(_)) => 2,
    }
}

fn same(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        (None, None) => true,
        _ => false,
    }
}

/// Language and country; a script between them is passed over.
fn parts(locale: &str) -> (&str, Option<&str>) {
    let mut parts = locale.split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    (language, parts.find(|part| part.len() == 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_language_is_spoken() {
        let order = |locale: &str| {
            let mut languages = vec!["en", "en_GB", "en_US", "es", "pt", "pt_BR", "pt_PT"];
            languages.sort_by_key(|language| distance(language, locale));
            languages
        };
        assert_eq!(order("pt-BR"), ["pt_BR", "pt", "pt_PT", "en", "en_GB", "en_US", "es"]);
        assert_eq!(order("en-US")[..3], ["en_US", "en", "en_GB"]);
        assert_eq!(order("en")[..3], ["en", "en_GB", "en_US"]);
        assert_eq!(order("fr-FR")[0], "en");
        assert_eq!(distance("pt_BR", "pt-Latn-BR"), 0);
    }
}
