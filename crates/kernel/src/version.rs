//! The version of a row: how often it was written, for optimistic concurrency.

use diesel::deserialize::{self, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::{serialize, sql_types};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How often a row was written, starting at 1; the part of an `ETag` that `If-Match` compares.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, AsExpression, FromSqlRow, ToSchema,
)]
#[diesel(sql_type = sql_types::BigInt)]
#[serde(transparent)]
#[schema(value_type = i64, example = 1)]
pub struct Version(i64);

impl Version {
    /// The version of a row just made.
    pub const FIRST: Self = Self(1);

    /// The version numbered `number`.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The bare number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl serialize::ToSql<sql_types::BigInt, Pg> for Version {
    fn to_sql<'b>(&'b self, out: &mut serialize::Output<'b, '_, Pg>) -> serialize::Result {
        serialize::ToSql::<sql_types::BigInt, Pg>::to_sql(&self.0, out)
    }
}

impl deserialize::FromSql<sql_types::BigInt, Pg> for Version {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        deserialize::FromSql::<sql_types::BigInt, Pg>::from_sql(value).map(Self)
    }
}
