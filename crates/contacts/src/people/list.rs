//! Lists of people: orders, pages, and the search.

use db::schema::contacts;
use db::schema::functions::{contacts_by_digits, contacts_by_part_of_name, search_form};
use db::{DbError, TenantRead};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use kernel::{ContactId, Timestamp};
use serde::{Deserialize, Serialize};

use super::criteria::Criteria;
use super::model::{Contact, ContactColumns};
use super::phones::PhoneList;
use super::search::Search;
use super::store::{People, consents_of_contact, phones_of_contact, whole};
use crate::consents::NewestConsents;

/// The orders of the list, the default one first.
pub(crate) const SORTS: [&str; 6] = [
    "name",
    "-name",
    "created_at",
    "-created_at",
    "updated_at",
    "-updated_at",
];

/// Where a page ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ContactPosition {
    /// In the order of names.
    Name {
        /// Whether those whose name begins with what was searched for are through.
        others: bool,
        /// The name as it is sorted.
        name: String,
        /// The person.
        id: ContactId,
    },
    /// In the order of a time.
    Moment {
        /// The time.
        at: Timestamp,
        /// The person.
        id: ContactId,
    },
}

/// A row of a list.
#[derive(Debug, Clone)]
pub(crate) struct ListedContact {
    pub(crate) contact: Contact,
    sorted_name: String,
    others: bool,
}

impl ListedContact {
    /// Where the page after this row begins, in the order `sort`.
    pub(crate) fn position(&self, sort: &str) -> ContactPosition {
        let columns = &self.contact.columns;
        match sort.trim_start_matches('-') {
            "created_at" => ContactPosition::Moment {
                at: columns.created_at,
                id: columns.id,
            },
            "updated_at" => ContactPosition::Moment {
                at: columns.updated_at,
                id: columns.id,
            },
            _ => ContactPosition::Name {
                others: self.others,
                name: self.sorted_name.clone(),
                id: columns.id,
            },
        }
    }
}

/// Which part of a list to fetch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'w> {
    /// The order, one of [`SORTS`].
    pub(crate) sort: &'static str,
    /// Where the page before ended.
    pub(crate) after: Option<&'w ContactPosition>,
    /// The most rows.
    pub(crate) fetch: i64,
}

/// The last character there is: what begins with a text lies between it and it with this behind, in the order of bytes.
const LAST_CHARACTER: &str = "\u{10ffff}";

/// The people who meet `criteria`, in order. One statement; two where a search by name finds fewer than a page of people whose
/// name begins with what was searched for.
pub(crate) async fn page(
    tx: &TenantRead<'_>,
    criteria: &Criteria,
    window: Window<'_>,
) -> Result<Vec<ListedContact>, DbError> {
    match (&criteria.search, window.sort) {
        (Some(Search::Name(words)), "name") => by_name(tx, criteria, words, window).await,
        (Some(search), "name") => {
            // Found in the order of names already, so the page can be cut where they are found.
            let bound = criteria.only_searches().then_some(window);
            fetch(tx, searched(tx, criteria, search, bound), window, false).await
        }
        (Some(search), _) => fetch(tx, searched(tx, criteria, search, None), window, false).await,
        (None, _) => fetch(tx, criteria.query(tx), window, false).await,
    }
}

/// First those whose name begins with `words`, then everybody else who is found by them.
async fn by_name(
    tx: &TenantRead<'_>,
    criteria: &Criteria,
    words: &str,
    window: Window<'_>,
) -> Result<Vec<ListedContact>, DbError> {
    let mut rows = Vec::new();
    let mut rest = window;
    if !matches!(window.after, Some(ContactPosition::Name { others: true, .. })) {
        let beginning = criteria.query(tx).filter(begins_with(words));
        rows = fetch(tx, beginning, window, false).await?;
        rest = Window {
            after: None,
            fetch: window.fetch - i64::try_from(rows.len()).unwrap_or(i64::MAX),
            ..window
        };
    }
    if rest.fetch > 0 {
        let bound = criteria.only_searches().then_some(rest);
        let found = criteria.query(tx).filter(by_part(words, criteria, bound));
        rows.extend(fetch(tx, found, rest, true).await?);
    }
    Ok(rows)
}

/// Everybody whom `search` finds; only as many as `bound` asks for where it is given.
fn searched<'q>(
    tx: &TenantRead<'_>,
    criteria: &'q Criteria,
    search: &'q Search,
    bound: Option<Window<'_>>,
) -> People<'q> {
    let query = criteria.query(tx);
    match search {
        Search::Name(words) => query.filter(begins_with(words).or(by_part(words, criteria, bound))),
        Search::Email(start) => query
            .filter(contacts::email.ge(start))
            .filter(contacts::email.lt(format!("{start}{LAST_CHARACTER}"))),
        Search::Digits {
            digits,
            dialled,
            number,
        } => query.filter(by_digits((digits, dialled, number.as_deref()), criteria, bound)),
    }
}

/// Gives the rows of `query` that the window shows.
async fn fetch(
    tx: &TenantRead<'_>,
    query: People<'_>,
    window: Window<'_>,
    others: bool,
) -> Result<Vec<ListedContact>, DbError> {
    let rows: Vec<(ContactColumns, PhoneList, NewestConsents, String)> = ordered(query, window)
        .limit(window.fetch)
        .select((
            ContactColumns::as_select(),
            phones_of_contact(),
            consents_of_contact(),
            contacts::search_name,
        ))
        .load(&mut tx.conn())
        .await?;
    let listed = |(columns, phones, consents, sorted_name)| ListedContact {
        contact: whole((columns, phones, consents)),
        sorted_name,
        others,
    };
    Ok(rows.into_iter().map(listed).collect())
}

/// The query in the window's order, after the page before. The lower bound on the first column alone says nothing more than
/// the condition behind it, but an index can begin there.
fn ordered<'q>(query: People<'q>, window: Window<'_>) -> People<'q> {
    use contacts::{created_at, id, search_name, updated_at};
    macro_rules! keyset {
        ($column:ident, $last:expr, $id:expr, ge, gt) => {
            query
                .filter($column.ge($last.clone()))
                .filter($column.gt($last).or(id.gt($id)))
        };
        ($column:ident, $last:expr, $id:expr, le, lt) => {
            query
                .filter($column.le($last.clone()))
                .filter($column.lt($last).or(id.lt($id)))
        };
    }
    let query = match (window.sort, window.after.cloned()) {
        ("name", Some(ContactPosition::Name { name, id: last, .. })) => keyset!(search_name, name, last, ge, gt),
        ("-name", Some(ContactPosition::Name { name, id: last, .. })) => keyset!(search_name, name, last, le, lt),
        ("created_at", Some(ContactPosition::Moment { at, id: last })) => keyset!(created_at, at, last, ge, gt),
        ("-created_at", Some(ContactPosition::Moment { at, id: last })) => keyset!(created_at, at, last, le, lt),
        ("updated_at", Some(ContactPosition::Moment { at, id: last })) => keyset!(updated_at, at, last, ge, gt),
        ("-updated_at", Some(ContactPosition::Moment { at, id: last })) => keyset!(updated_at, at, last, le, lt),
        _ => query,
    };
    match window.sort {
        "-name" => query.order((search_name.desc(), id.desc())),
        "created_at" => query.order((created_at.asc(), id.asc())),
        "-created_at" => query.order((created_at.desc(), id.desc())),
        "updated_at" => query.order((updated_at.asc(), id.asc())),
        "-updated_at" => query.order((updated_at.desc(), id.desc())),
        _ => query.order((search_name.asc(), id.asc())),
    }
}

/// A condition on a person.
type Condition<'q> = Box<dyn BoxableExpression<contacts::table, Pg, SqlType = Bool> + 'q>;

/// The name begins with `words`: by comparisons that may use the index under row-level security.
fn begins_with(words: &str) -> Condition<'_> {
    Box::new(
        contacts::search_name
            .ge(search_form(words))
            .and(contacts::search_name.lt(search_form(words).concat(LAST_CHARACTER))),
    )
}

/// What the search functions of the database take of a window.
fn bounds(bound: Option<Window<'_>>) -> (Option<String>, Option<ContactId>, Option<i32>) {
    let most = bound.and_then(|window| i32::try_from(window.fetch).ok());
    match bound.and_then(|window| window.after.cloned()) {
        Some(ContactPosition::Name { name, id, .. }) => (Some(name), Some(id), most),
        _ => (None, None, most),
    }
}

/// Found by `words`, though the name does not begin with them.
fn by_part<'q>(words: &'q str, criteria: &Criteria, bound: Option<Window<'_>>) -> Condition<'q> {
    let (after_name, after_id, most) = bounds(bound);
    let found = contacts_by_part_of_name(words, criteria.archived(), after_name, after_id, most);
    Box::new(contacts::id.eq_any(diesel::select(found)))
}

/// Found by digits of a phone or document.
fn by_digits<'q>(
    (digits, dialled, number): (&'q str, &'q str, Option<&'q str>),
    criteria: &Criteria,
    bound: Option<Window<'_>>,
) -> Condition<'q> {
    let (after_name, after_id, most) = bounds(bound);
    let found = contacts_by_digits(digits, dialled, number, criteria.archived(), after_name, after_id, most);
    Box::new(contacts::id.eq_any(diesel::select(found)))
}
