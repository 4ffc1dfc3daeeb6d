//! Several writes as one statement, so that they cost one round trip and no order between them has to be kept.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// `main` with `beside` done in the same statement: `WITH a AS (…), b AS (…) main`. PostgreSQL runs every writing part
/// exactly once and checks foreign keys at the statement's end, so the parts may refer to each other's rows.
#[derive(Debug, Clone, Copy, QueryId)]
pub(crate) struct Together<Beside, Main> {
    beside: Beside,
    main: Main,
}

/// `main`, and all of the tuple `beside` with it.
pub(crate) const fn together<Beside, Main>(beside: Beside, main: Main) -> Together<Beside, Main> {
    Together { beside, main }
}

impl<Beside, Main: Query> Query for Together<Beside, Main> {
    type SqlType = Main::SqlType;
}

impl<A, Main> QueryFragment<Pg> for Together<(A,), Main>
where
    A: QueryFragment<Pg>,
    Main: QueryFragment<Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH a AS (");
        self.beside.0.walk_ast(out.reborrow())?;
        out.push_sql(") ");
        self.main.walk_ast(out)
    }
}

impl<A, B, Main> QueryFragment<Pg> for Together<(A, B), Main>
where
    A: QueryFragment<Pg>,
    B: QueryFragment<Pg>,
    Main: QueryFragment<Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH a AS (");
        self.beside.0.walk_ast(out.reborrow())?;
        out.push_sql("), b AS (");
        self.beside.1.walk_ast(out.reborrow())?;
        out.push_sql(") ");
        self.main.walk_ast(out)
    }
}
