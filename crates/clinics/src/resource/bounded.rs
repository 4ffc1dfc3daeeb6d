//! Whole numbers within bounds: what the database checks, checked before and known to the types.

use std::borrow::Cow;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, ToSql};
use diesel::sql_types::Integer;
use kernel::Coded;
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A whole number from `MIN` to `MAX`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Integer)]
#[serde(transparent)]
pub struct Bounded<const MIN: i32, const MAX: i32>(i32);

/// A number outside its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from {min} to {max}")]
pub struct OutOfBounds {
    min: i32,
    max: i32,
}

impl Coded for OutOfBounds {
    fn code(&self) -> &'static str {
        "out_of_range"
    }
}

impl<const MIN: i32, const MAX: i32> Bounded<MIN, MAX> {
    /// The number `VALUE`, checked when the program is compiled.
    #[must_use]
    pub const fn of<const VALUE: i32>() -> Self {
        const { assert!(MIN <= VALUE && VALUE <= MAX, "out of bounds") };
        Self(VALUE)
    }

    /// The number `value`.
    ///
    /// # Errors
    /// [`OutOfBounds`] outside `MIN` to `MAX`.
    pub const fn new(value: i32) -> Result<Self, OutOfBounds> {
        if MIN <= value && value <= MAX {
            Ok(Self(value))
        } else {
            Err(OutOfBounds { min: MIN, max: MAX })
        }
    }

    /// The bare number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl<const MIN: i32, const MAX: i32> ToSql<Integer, Pg> for Bounded<MIN, MAX> {
    fn to_sql<'b>(&'b self, out: &mut serialize::Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Integer, Pg>::to_sql(&self.0, out)
    }
}

impl<const MIN: i32, const MAX: i32> FromSql<Integer, Pg> for Bounded<MIN, MAX> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::new(<i32 as FromSql<Integer, Pg>>::from_sql(value)?)?)
    }
}

impl<const MIN: i32, const MAX: i32> PartialSchema for Bounded<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(MIN))
            .maximum(Some(MAX))
            .into()
    }
}

impl<const MIN: i32, const MAX: i32> ToSchema for Bounded<MIN, MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("IntegerFrom{MIN}To{MAX}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_inside() {
        type Small = Bounded<5, 240>;
        assert_eq!(Small::new(5).map(Small::get), Ok(5));
        assert_eq!(Small::new(240), Ok(Small::of::<240>()));
        assert_eq!(
            Small::new(4).unwrap_err().to_string(),
            "must be a whole number from 5 to 240"
        );
        assert!(Small::new(241).is_err());
    }
}
