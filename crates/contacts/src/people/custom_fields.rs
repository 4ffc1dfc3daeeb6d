//! Fields that a clinic makes up for itself: a JSON object within bounds.

use diesel::deserialize::{self, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize;
use diesel::sql_types::Jsonb;
use kernel::FieldErrors;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A clinic's own fields of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
#[serde(transparent)]
#[schema(value_type = Object, example = json!({"prefers_mornings": true}))]
pub struct CustomFields(Map<String, Value>);

impl CustomFields {
    /// The most fields of one person.
    pub const MOST_FIELDS: usize = 100;
    /// The most characters of a field's name.
    pub const MOST_NAME_CHARS: usize = 64;
    /// The most bytes of all of them together, as JSON.
    pub const MOST_BYTES: usize = 16 * 1024;
    /// How deep lists and objects may lie in each other.
    pub const MOST_DEPTH: usize = 4;

    /// The fields that `map` holds; what is wrong is noted with pointers into `/custom_fields`.
    pub(crate) fn parse(map: Map<String, Value>, errors: &mut FieldErrors) -> Option<Self> {
        let mut found = FieldErrors::new();
        if map.len() > Self::MOST_FIELDS {
            found.push(
                "",
                "too_many",
                format!("there are at most {} custom fields", Self::MOST_FIELDS),
            );
        }
        for (name, value) in &map {
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            let length = name.chars().count();
            if !(1..=Self::MOST_NAME_CHARS).contains(&length) || name.chars().any(char::is_control) {
                let message = format!("a custom field's name has 1 to {} characters", Self::MOST_NAME_CHARS);
                found.push(&pointer, "invalid_name", message);
            }
            if !fits(value, Self::MOST_DEPTH) {
                let message = format!(
                    "values lie at most {} deep and have no NUL in their texts",
                    Self::MOST_DEPTH
                );
                found.push(&pointer, "invalid_value", message);
            }
        }
        let map = Value::Object(map);
        if map.to_string().len() > Self::MOST_BYTES {
            found.push(
                "",
                "too_long",
                format!("custom fields have at most {} bytes together", Self::MOST_BYTES),
            );
        }
        let is_right = found.is_empty();
        errors.nest("/custom_fields", found);
        match map {
            Value::Object(map) if is_right => Some(Self(map)),
            _ => None,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These fields, and those of `other` that are not among them.
    #[must_use]
    pub fn filled_from(mut self, other: Self) -> Self {
        for (name, value) in other.0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// These fields with what a merge made of them taken back: each field that it changed from `before` to `after` is as before,
    /// but for those that were changed since, whose names are given too.
    #[must_use]
    pub(crate) fn taken_back(&self, before: &Map<String, Value>, after: &Map<String, Value>) -> (Self, Vec<String>) {
        let (mut fields, mut kept) = (self.0.clone(), Vec::new());
        for name in before
            .keys()
            .chain(after.keys().filter(|name| !before.contains_key(*name)))
        {
            if before.get(name) == after.get(name) {
                continue;
            }
            if self.0.get(name) != after.get(name) {
                kept.push(name.clone());
                continue;
            }
            match before.get(name) {
                Some(value) => fields.insert(name.clone(), value.clone()),
                None => fields.remove(name),
            };
        }
        (Self(fields), kept)
    }
}

/// Whether `value` is at most `depth` deep and PostgreSQL can hold its texts, which NUL it cannot.
fn fits(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.contains('\0'),
        Value::Array(_) | Value::Object(_) if depth == 0 => false,
        Value::Array(items) => items.iter().all(|item| fits(item, depth - 1)),
        Value::Object(members) => members
            .iter()
            .all(|(name, member)| !name.contains('\0') && fits(member, depth - 1)),
    }
}

impl serialize::ToSql<Jsonb, Pg> for CustomFields {
    fn to_sql<'b>(&'b self, out: &mut serialize::Output<'b, '_, Pg>) -> serialize::Result {
        let value = Value::Object(self.0.clone());
        serialize::ToSql::<Jsonb, Pg>::to_sql(&value, &mut out.reborrow())
    }
}

impl deserialize::FromSql<Jsonb, Pg> for CustomFields {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match deserialize::FromSql::<Jsonb, Pg>::from_sql(value)? {
            Value::Object(map) => Ok(Self(map)),
            _ => Err("custom_fields is no object".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(value: Value) -> Vec<String> {
        let Value::Object(map) = value else { panic!("an object") };
        let mut errors = FieldErrors::new();
        let parsed = CustomFields::parse(map, &mut errors);
        assert_eq!(parsed.is_some(), errors.is_empty());
        errors
            .iter()
            .map(|error| format!("{} {}", error.pointer, error.code))
            .collect()
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(faults(json!({"a": 1, "b": [{"c": [[]]}]})), Vec::<String>::new());
        assert_eq!(faults(json!({"a": [[[[[]]]]]})), ["/custom_fields/a invalid_value"]);
        assert_eq!(faults(json!({"a": "x\0"})), ["/custom_fields/a invalid_value"]);
        assert_eq!(faults(json!({"": 1})), ["/custom_fields/ invalid_name"]);
        assert_eq!(faults(json!({"a": "x".repeat(17_000)})), ["/custom_fields too_long"]);
        let many: Map<_, _> = (0..101).map(|number| (number.to_string(), Value::Null)).collect();
        assert_eq!(faults(Value::Object(many)), ["/custom_fields too_many"]);
    }

    #[test]
    fn what_is_there_is_not_overwritten() {
        let of =
            |value: Value| CustomFields::parse(value.as_object().unwrap().clone(), &mut FieldErrors::new()).unwrap();
        assert_eq!(
            of(json!({"a": 1})).filled_from(of(json!({"a": 2, "b": 3}))),
            of(json!({"a": 1, "b": 3}))
        );
    }
}
