//! The macros that give text-valued types their traits, so that none is written twice.

/// Defines a newtype that is text to the API, to JSON and to PostgreSQL, with every trait that takes.
///
/// The type itself brings `as_str(&self) -> &str` and a function `&str -> Result<Self, error>`, named as `parse`; the
/// macro adds `Display`, `FromStr`, `Serialize`, `Deserialize` (which parses), `ToSchema`, `ToSql`, `FromSql` and a
/// `Debug` that shows what `debug` makes of the text. `stored` reads a value of the database: the same function,
/// unless what was once accepted has to stay readable. The caller's crate depends on diesel, serde and utoipa.
#[macro_export]
macro_rules! text_column {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident($inner:ty);
        error = $error:ty;
        parse = $parse:expr;
        stored = $stored:expr;
        debug = $debug:expr;
    ) => {
        #[derive(Clone, PartialEq, Eq, Hash, ::diesel::expression::AsExpression, ::diesel::deserialize::FromSqlRow, ::utoipa::ToSchema)]
        #[diesel(sql_type = ::diesel::sql_types::Text)]
        #[schema(value_type = String)]
        $(#[$meta])*
        $visibility struct $name($inner);

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::write!(formatter, "{}({})", ::std::stringify!($name), ($debug)(self.as_str()))
            }
        }

        $crate::text_column!(@traits $name, $error, $parse, $stored);
    };
    (@traits $name:ident, $error:ty, $parse:expr, $stored:expr) => {
        impl ::std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                ($parse)(text)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'de, str> as ::serde::Deserialize>::deserialize(deserializer)?;
                ($parse)(&text).map_err(::serde::de::Error::custom)
            }
        }

        impl ::diesel::serialize::ToSql<::diesel::sql_types::Text, ::diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut ::diesel::serialize::Output<'b, '_, ::diesel::pg::Pg>,
            ) -> ::diesel::serialize::Result {
                <str as ::diesel::serialize::ToSql<::diesel::sql_types::Text, ::diesel::pg::Pg>>::to_sql(
                    self.as_str(),
                    out,
                )
            }
        }

        impl ::diesel::deserialize::FromSql<::diesel::sql_types::Text, ::diesel::pg::Pg> for $name {
            fn from_sql(value: ::diesel::pg::PgValue<'_>) -> ::diesel::deserialize::Result<Self> {
                let text = <::std::string::String as ::diesel::deserialize::FromSql<
                    ::diesel::sql_types::Text,
                    ::diesel::pg::Pg,
                >>::from_sql(value)?;
                ::std::result::Result::Ok(($stored)(&text)?)
            }
        }
    };
}

/// Defines an enum whose variants are words to the API, to JSON and to PostgreSQL, and the error of any other word.
///
/// Gives `ALL`, `as_str`, `parse` and the traits of [`text_column!`](crate::text_column); the error's message names
/// the words that would have been right, its `code()` is the one given.
#[macro_export]
macro_rules! text_enum {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)?
        }
        error = $error:ident, code = $code:literal;
    ) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            ::diesel::expression::AsExpression, ::diesel::deserialize::FromSqlRow, ::utoipa::ToSchema,
        )]
        #[diesel(sql_type = ::diesel::sql_types::Text)]
        $visibility enum $name {
            $($(#[$variant_meta])* #[schema(rename = $text)] $variant),+
        }

        impl $name {
            /// Every one there is, in the order of their declaration.
            $visibility const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it.
            #[must_use]
            $visibility const fn as_str(&self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The one that `text` names, exactly as [`Self::as_str`] writes it.
            ///
            /// # Errors
            #[doc = ::std::concat!("[`", ::std::stringify!($error), "`] when it names none.")]
            $visibility fn parse(text: &str) -> ::std::result::Result<Self, $error> {
                match text {
                    $($text => ::std::result::Result::Ok(Self::$variant),)+
                    _ => ::std::result::Result::Err($error),
                }
            }
        }

        #[doc = ::std::concat!("A word that names no [`", ::std::stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility struct $error;

        impl $error {
            /// A stable word for programs.
            #[must_use]
            $visibility const fn code(&self) -> &'static str {
                $code
            }
        }

        impl ::std::fmt::Display for $error {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                formatter.write_str("must be one of ")?;
                formatter.write_str(&[$($text),+].join(", "))
            }
        }

        impl ::std::error::Error for $error {}

        $crate::coded!($error);

        $crate::text_column!(@traits $name, $error, Self::parse, Self::parse);
    };
}

#[cfg(test)]
mod tests {
    use diesel::IntoSql;

    use crate::text::Slug;

    text_enum! {
        /// A colour.
        enum Colour {
            /// Like grass.
            Green = "green",
            /// Like the sea.
            DeepBlue = "deep_blue",
        }
        error = InvalidColour, code = "unknown_colour";
    }

    #[test]
    fn the_macros_give_json_sql_and_schema() {
        assert_eq!(serde_json::to_string(&Colour::DeepBlue).unwrap(), r#""deep_blue""#);
        assert_eq!(serde_json::from_str::<Colour>(r#""green""#).unwrap(), Colour::Green);
        let refused = serde_json::from_str::<Colour>(r#""red""#).unwrap_err().to_string();
        assert!(refused.starts_with("must be one of green, deep_blue"), "{refused}");
        assert_eq!("red".parse::<Colour>().unwrap_err().code(), "unknown_colour");
        assert_eq!(Colour::ALL, [Colour::Green, Colour::DeepBlue]);
        let schema = serde_json::to_value(<Colour as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!(schema["enum"], serde_json::json!(["green", "deep_blue"]));

        let schema = serde_json::to_value(<Slug as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!((&schema["type"], &schema["maxLength"]), (&"string".into(), &63.into()));
        assert_eq!(schema["example"], "clinica-boa-vista");
        assert!(serde_json::from_str::<Slug>(r#""Not a slug""#).is_err());

        let slug = Slug::parse("ab").unwrap();
        let select = diesel::select((&slug).into_sql::<diesel::sql_types::Text>());
        assert!(
            diesel::debug_query::<diesel::pg::Pg, _>(&select)
                .to_string()
                .starts_with("SELECT $1")
        );
    }
}
