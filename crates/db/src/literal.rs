//! A condition that is known before the statement is sent.

use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;

/// `TRUE` or `FALSE` in the text of a statement.
///
/// Not bound as a value, so that what hangs on it is gone once the statement is planned; and not `diesel::dsl::sql`, whose
/// statements are prepared and planned anew each time.
#[derive(Debug, Clone, Copy)]
pub struct Literal(pub bool);

impl Expression for Literal {
    type SqlType = Bool;
}

impl<Table> AppearsOnTable<Table> for Literal {}

impl<Table> SelectableExpression<Table> for Literal {}

impl<GroupBy> ValidGrouping<GroupBy> for Literal {
    type IsAggregate = is_aggregate::Never;
}

/// Statements with the one and with the other are told apart by their text.
impl QueryId for Literal {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Literal {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(if self.0 { "TRUE" } else { "FALSE" });
        Ok(())
    }
}
