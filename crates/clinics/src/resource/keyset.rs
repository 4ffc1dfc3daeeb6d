//! Keyset order: a page begins after the row with a given key and id, whatever was added or removed before it.

/// Whether the order `sort` runs downwards.
pub(crate) fn is_descending(sort: &str) -> bool {
    sort.starts_with('-')
}

/// Orders a boxed query by a column and then the id, beginning after a position when there is one.
macro_rules! keyset {
    ($query:expr, by ($column:expr, $id:expr), descending: $descending:expr,
     after: $after:expr => |$position:ident| ($key:expr, $position_id:expr)) => {{
        let query = $query;
        match ($descending, $after) {
            (false, None) => query.order(($column.asc(), $id.asc())),
            (true, None) => query.order(($column.desc(), $id.desc())),
            (false, Some($position)) => query
                .filter($column.gt($key).or($column.eq($key).and($id.gt($position_id))))
                .order(($column.asc(), $id.asc())),
            (true, Some($position)) => query
                .filter($column.lt($key).or($column.eq($key).and($id.lt($position_id))))
                .order(($column.desc(), $id.desc())),
        }
    }};
}
pub(crate) use keyset;

/// Keeps only settled rows changed at or after an instant, when one is given: a row that commits late is not skipped.
macro_rules! changed_since {
    ($query:expr, $table:ident, $since:expr) => {{
        let query = $query;
        match $since {
            None => query,
            Some(since) => query
                .filter($table::updated_at.ge(since))
                .filter($table::changed_in.lt(::db::schema::functions::oldest_open_transaction())),
        }
    }};
}
pub(crate) use changed_since;
