//! What goes out: a view, rendered once to bytes, and the entity tag that names them.

use aws_lc_rs::digest;
use bytes::Bytes;
use cache::{CachedAnswer, EntityTag};
use kernel::Version;
use serde::Serialize;
use utoipa::ToSchema;

use crate::fields;
use crate::problem::Problem;

/// A representation that clients see.
pub trait View: Serialize + ToSchema {
    /// The version of the row it shows, when it shows one.
    fn version(&self) -> Option<Version> {
        None
    }
}

/// Renders `view`, cut to `wanted` fields when some were named.
pub(crate) fn render<V: View>(view: &V, wanted: Option<&[String]>) -> Result<CachedAnswer, Problem> {
    let body = match wanted {
        None => serde_json::to_vec(view),
        Some(wanted) => serde_json::to_value(view)
            .map(|value| fields::cut(value, wanted))
            .and_then(|value| serde_json::to_vec(&value)),
    };
    let body = body.map_err(|error| Problem::internal(&error))?;
    answer_of(body, view.version())
}

/// The bytes with their tag: `"<version>-<hash of the representation>"`, version 0 for what has none.
pub(crate) fn answer_of(body: Vec<u8>, version: Option<Version>) -> Result<CachedAnswer, Problem> {
    let hash = digest::digest(&digest::SHA256, &body);
    let mut opaque = format!("{}-", version.map_or(0, Version::number));
    for byte in hash.as_ref().iter().take(12) {
        opaque.push_str(&format!("{byte:02x}"));
    }
    let etag = EntityTag::strong(&opaque).map_err(|error| Problem::internal(&error))?;
    Ok(CachedAnswer {
        body: Bytes::from(body),
        etag,
    })
}

/// The version part of an entity tag as a client sends it in `If-Match`.
pub(crate) fn version_of_tag(tag: &str) -> Option<Version> {
    let opaque = tag.trim().trim_start_matches("W/").trim_matches('"');
    let number = opaque.split_once('-').map_or(opaque, |(version, _)| version);
    number.parse().ok().map(Version::new)
}
