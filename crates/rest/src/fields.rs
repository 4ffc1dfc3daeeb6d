//! Sparse fieldsets: `?fields=id,name` cuts a representation to what a client wants.

use serde_json::Value;
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::problem::Problem;
use kernel::FieldErrors;

/// The names of `wanted`, each checked against the fields that `V` has.
///
/// # Errors
/// 422 with every name that is no field.
pub(crate) fn check<V: PartialSchema>(wanted: &[String]) -> Result<(), Problem> {
    let RefOr::T(Schema::Object(object)) = V::schema() else {
        return Ok(());
    };
    let mut errors = FieldErrors::new();
    for name in wanted {
        if !object.properties.contains_key(name) {
            errors.push("fields", "unknown_field", format!("there is no field {name:?}"));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors.into()) }
}

/// `value` with only the `wanted` members.
pub(crate) fn cut(value: Value, wanted: &[String]) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.into_iter().filter(|(name, _)| wanted.contains(name)).collect())
        }
        other => other,
    }
}
