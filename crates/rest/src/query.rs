//! Query strings, read strictly: an unknown parameter is an error, not a silence.

use std::cell::Cell;
use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use chrono::TimeDelta;
use kernel::{FieldErrors, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::problem::Problem;

/// The parameters that every list takes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// The most rows of a page, 1 to 100; 25 when not given.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u16>,
    /// Where to go on: `page.next_cursor` of the page before, with the same filters and order.
    cursor: Option<String>,
    /// The order: a field's name, with `-` before it for the other way round.
    #[param(example = "name")]
    sort: Option<String>,
    /// Only rows changed at or after this time. No row that commits late is skipped; rows changed up to a minute earlier may
    /// come again.
    #[param(value_type = Option<Timestamp>)]
    updated_since: Option<Timestamp>,
    /// Only these fields of each row, separated by commas.
    #[param(example = "id")]
    fields: Option<String>,
    /// Neighbours to embed, separated by commas.
    include: Option<String>,
}

/// A row carries the time at which its transaction began, and is seen when that has committed: a client that goes on from the
/// newest time it has seen would miss a row of a transaction that began earlier and took longer. So the list begins this much
/// earlier. No transaction lasts longer, by the deadline of requests and the time-outs of the database.
const LONGEST_TRANSACTION: TimeDelta = TimeDelta::seconds(60);

const LIST_PARAMS: [&str; 6] = ["limit", "cursor", "sort", "updated_since", "fields", "include"];

/// A list's query: the parameters that every list takes, and the list's own filter.
#[derive(Debug, Clone, Serialize)]
pub struct ListQuery<F> {
    /// The most rows of a page.
    pub limit: u16,
    /// Where to go on. Not part of what the list is, so not of what its cursors are bound to.
    pub cursor: Option<String>,
    /// The order asked for.
    pub sort: Option<String>,
    /// Only rows changed at or after this: what the client asked for, less a minute for what commits late.
    pub updated_since: Option<Timestamp>,
    /// Only these fields of each row.
    pub fields: Option<Vec<String>>,
    /// Neighbours to embed.
    pub include: Include,
    /// The list's own filter.
    pub filter: F,
}

/// A list that its query narrows by nothing.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

impl ListQuery<NoFilter> {
    /// The list of what belongs to the row `id`, which the path names: cursors and kept answers are no other row's.
    pub fn of<I>(self, id: I) -> ListQuery<I> {
        let Self {
            limit,
            cursor,
            sort,
            updated_since,
            fields,
            include,
            filter: NoFilter {},
        } = self;
        ListQuery {
            limit,
            cursor,
            sort,
            updated_since,
            fields,
            include,
            filter: id,
        }
    }
}

/// The query of one row: which fields, which neighbours.
#[derive(Debug, Clone, Default, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RowQuery {
    /// Only these fields, separated by commas.
    #[param(value_type = Option<String>, example = "id")]
    pub fields: Option<Vec<String>>,
    /// Neighbours to embed, separated by commas.
    #[param(value_type = Option<String>)]
    pub include: Include,
}

/// The neighbours that a client wants embedded. An endpoint that does not look at them has none to embed, so that wanting
/// some is a fault there.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Include {
    wanted: Vec<String>,
    #[serde(skip)]
    looked_at: Cell<bool>,
}

impl Include {
    fn of(names: Option<Vec<String>>) -> Self {
        Self {
            wanted: names.unwrap_or_default(),
            looked_at: Cell::new(false),
        }
    }

    /// The neighbours, each one of `offered`.
    fn among(&self, offered: &[&'static str]) -> Result<Vec<&'static str>, Problem> {
        self.looked_at.set(true);
        check_include(&self.wanted, offered)
    }

    /// Refuses what no endpoint has looked at.
    pub(crate) fn refuse_overlooked(&self) -> Result<(), Problem> {
        if self.looked_at.get() {
            Ok(())
        } else {
            self.among(&[]).map(|_none| ())
        }
    }
}

/// Any other query, read strictly into `T`.
#[derive(Debug, Clone)]
pub struct Query<T>(T);

impl<T> Query<T> {
    /// The parsed query.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The parameters of `query`, decoded; NUL, which PostgreSQL cannot hold, and bytes that are no UTF-8 are refused.
fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let malformed = |pair: &str| !has_utf8(pair);
    if query.split('&').any(malformed) {
        return Err(Problem::bad_request(
            "malformed_query",
            "the query is not percent-encoded UTF-8",
        ));
    }
    let pairs: Vec<(String, String)> = serde_html_form::from_str(query)
        .map_err(|_not_pairs| Problem::bad_request("malformed_query", "the query is not made of name=value pairs"))?;
    let mut errors = FieldErrors::new();
    for (name, value) in &pairs {
        if name.contains('\0') || value.contains('\0') {
            errors.push(name.replace('\0', ""), "nul_character", "a text does not contain NUL");
        }
    }
    if errors.is_empty() {
        Ok(pairs)
    } else {
        Err(errors.into())
    }
}

/// Whether the percent-decoded bytes of `text` are UTF-8.
fn has_utf8(text: &str) -> bool {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
            match (digit(), digit()) {
                (Some(high), Some(low)) => decoded.push(u8::try_from(high * 16 + low).unwrap_or_default()),
                _ => return false,
            }
        } else {
            decoded.push(byte);
        }
    }
    std::str::from_utf8(&decoded).is_ok()
}

/// Reads `pairs` into `T`, naming the parameter that is at fault.
fn read<T: DeserializeOwned>(pairs: &[(String, String)]) -> Result<T, Problem> {
    let text = serde_html_form::to_string(pairs).map_err(|error| Problem::internal(&error))?;
    let deserializer = serde_html_form::Deserializer::from_bytes(text.as_bytes());
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let name = error.path().to_string();
        let message = error.into_inner().to_string();
        let code = if message.starts_with("unknown field") {
            "unknown_parameter"
        } else if message.starts_with("missing field") {
            "missing_parameter"
        } else {
            "invalid_parameter"
        };
        FieldErrors::one(name, code, message).into()
    })
}

/// The names in `list`, separated by commas.
fn names(list: Option<String>) -> Option<Vec<String>> {
    list.map(|list| {
        list.split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    })
}

/// The neighbours in `wanted`, each one of `offered`.
fn check_include(wanted: &[String], offered: &[&'static str]) -> Result<Vec<&'static str>, Problem> {
    let mut errors = FieldErrors::new();
    let mut found = Vec::new();
    for name in wanted {
        match offered.iter().find(|offer| *offer == name) {
            Some(offer) => found.push(*offer),
            None => errors.push(
                "include",
                "unknown_include",
                format!("{name:?} cannot be embedded here; known are {offered:?}"),
            ),
        }
    }
    if errors.is_empty() {
        Ok(found)
    } else {
        Err(errors.into())
    }
}

impl<F> ListQuery<F> {
    /// The neighbours to embed, each one of `offered`.
    ///
    /// # Errors
    /// 422 with every other name.
    pub fn include(&self, offered: &[&'static str]) -> Result<Vec<&'static str>, Problem> {
        self.include.among(offered)
    }

    /// The order asked for, one of `offered`; the first when none was.
    pub(crate) fn sort_among(&self, offered: &[&'static str]) -> Result<&'static str, Problem> {
        let wanted = self.sort.as_deref();
        offered
            .iter()
            .copied()
            .find(|offer| wanted.is_none_or(|wanted| wanted == *offer))
            .ok_or_else(|| {
                FieldErrors::one(
                    "sort",
                    "unknown_sort",
                    format!("the order is one of {}", offered.join(", ")),
                )
                .into()
            })
    }
}

impl RowQuery {
    /// The neighbours to embed, each one of `offered`.
    ///
    /// # Errors
    /// 422 with every other name.
    pub fn include(&self, offered: &[&'static str]) -> Result<Vec<&'static str>, Problem> {
        self.include.among(offered)
    }
}

impl<F: DeserializeOwned> ListQuery<F> {
    fn parse(query: &str) -> Result<Self, Problem> {
        let (own, rest): (Vec<_>, Vec<_>) = pairs(query)?
            .into_iter()
            .partition(|(name, _)| LIST_PARAMS.contains(&name.as_str()));
        let params: ListParams = read(&own)?;
        let filter = read(&rest)?;
        let limit = params.limit.unwrap_or(25);
        if !(1..=100).contains(&limit) {
            return Err(FieldErrors::one("limit", "out_of_range", "a page has 1 to 100 rows").into());
        }
        Ok(Self {
            limit,
            cursor: params.cursor,
            sort: params.sort,
            updated_since: params
                .updated_since
                .map(|since| since.saturating_add(-LONGEST_TRANSACTION)),
            fields: names(params.fields),
            include: Include::of(names(params.include)),
            filter,
        })
    }
}

impl<F: DeserializeOwned + 'static> FromRequest for ListQuery<F> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::parse(request.query_string()))
    }
}

impl FromRequest for RowQuery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        #[derive(Deserialize, Default)]
        #[serde(deny_unknown_fields, default)]
        struct Raw {
            fields: Option<String>,
            include: Option<String>,
        }
        let parsed = pairs(request.query_string()).and_then(|pairs| read::<Raw>(&pairs));
        ready(parsed.map(|raw| Self {
            fields: names(raw.fields),
            include: Include::of(names(raw.include)),
        }))
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(pairs(request.query_string()).and_then(|pairs| read(&pairs)).map(Self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Filter {
        kind: Option<String>,
        status: Vec<String>,
    }

    #[test]
    fn a_list_query_is_split_into_its_parts() {
        let list =
            ListQuery::<Filter>::parse("limit=10&kind=lead&status=a&status=b&fields=id,name&include=contact").unwrap();
        assert_eq!(list.limit, 10);
        assert_eq!(list.filter.kind.as_deref(), Some("lead"));
        assert_eq!(list.filter.status, ["a", "b"]);
        assert_eq!(list.fields.as_deref(), Some(&["id".to_owned(), "name".to_owned()][..]));
        assert_eq!(list.include(&["contact"]).unwrap(), ["contact"]);
        assert!(list.include(&[]).is_err());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (query, code) in [
            ("kond=lead", 422),
            ("limit=0", 422),
            ("limit=101", 422),
            ("limit=many", 422),
            ("updated_since=yesterday", 422),
            ("kind=%00", 422),
            ("kind=%ff", 400),
            ("kind=%zz", 400),
        ] {
            let problem = ListQuery::<Filter>::parse(query).unwrap_err();
            assert_eq!(problem.status().as_u16(), code, "{query}");
        }
    }
}
