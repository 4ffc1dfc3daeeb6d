//! Pages of a list: keyset only, with cursors that are bound to the list they came from.

use kernel::FieldErrors;
use kernel::cursor::CursorKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::problem::Problem;

/// A page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<V> {
    /// The rows, in the order asked for.
    pub data: Vec<V>,
    /// Where the next page is.
    pub page: PageInfo,
}

/// Where the next page is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PageInfo {
    /// What to send as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
    /// Whether there is a next page.
    pub has_more: bool,
}

impl<V> Page<V> {
    /// All there is, on one page: for lists that are short by nature.
    #[must_use]
    pub const fn whole(data: Vec<V>) -> Self {
        Self {
            data,
            page: PageInfo {
                next_cursor: None,
                has_more: false,
            },
        }
    }
}

/// How to page through one list, checked: how many rows, in which order, after which position.
#[derive(Debug, Clone)]
pub struct Paging<P> {
    limit: u16,
    sort: &'static str,
    after: Option<P>,
    scope: String,
    key: CursorKey,
}

impl<P: Serialize + DeserializeOwned> Paging<P> {
    pub(crate) fn new(
        limit: u16,
        sort: &'static str,
        cursor: Option<&str>,
        scope: String,
        key: CursorKey,
    ) -> Result<Self, Problem> {
        let after = cursor
            .map(|cursor| key.open(&scope, cursor))
            .transpose()
            .map_err(|error| FieldErrors::one("cursor", error.code(), error))?;
        Ok(Self {
            limit,
            sort,
            after,
            scope,
            key,
        })
    }

    /// The most rows of a page.
    #[must_use]
    pub fn limit(&self) -> i64 {
        i64::from(self.limit)
    }

    /// How many rows to fetch: one more than the page holds, to know whether there is another.
    #[must_use]
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The order asked for, one of those the list offers; a leading `-` turns it round.
    #[must_use]
    pub const fn sort(&self) -> &'static str {
        self.sort
    }

    /// The position of the last row of the page before.
    #[must_use]
    pub const fn after(&self) -> Option<&P> {
        self.after.as_ref()
    }

    /// The page made of `rows`, of which at most [`Self::fetch`] were fetched.
    #[must_use]
    pub fn page<R, V>(&self, mut rows: Vec<R>, position_of: impl Fn(&R) -> P, view: impl FnMut(R) -> V) -> Page<V> {
        let limit = usize::from(self.limit);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if has_more {
            rows.last().map(|row| self.key.seal(&self.scope, &position_of(row)))
        } else {
            None
        };
        Page {
            data: rows.into_iter().map(view).collect(),
            page: PageInfo { next_cursor, has_more },
        }
    }
}
