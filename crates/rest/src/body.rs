//! JSON bodies: size, type and form checked before anything is made of them.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use kernel::FieldErrors;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The most bytes of a JSON body.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// The SHA-256 of the body, for the fingerprint of a repeated request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyHash(pub(crate) [u8; 32]);

/// Notes the SHA-256 of a body that an endpoint read itself, so that a repeated request is told from another one with the same key.
pub fn note_body(request: &HttpRequest, sha256: [u8; 32]) {
    request.extensions_mut().insert(BodyHash(sha256));
}

/// A JSON body of the form of `T`. Unknown members are refused by `#[serde(deny_unknown_fields)]` on `T`.
#[derive(Debug)]
pub struct Valid<T>(T);

impl<T> Valid<T> {
    /// The body.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// A JSON body that may be left out; then it is `T`'s default.
#[derive(Debug)]
pub struct OptionalBody<T>(T);

impl<T> OptionalBody<T> {
    /// The body.
    pub fn into_inner(self) -> T {
        self.0
    }
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: DeserializeOwned + 'static> FromRequest for Valid<T> {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            expect_json(&request)?;
            let body = read(&request, payload).await?;
            parse(&body).map(Self)
        })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalBody<T> {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read(&request, payload).await?;
            if body.is_empty() {
                return Ok(Self(T::default()));
            }
            expect_json(&request)?;
            parse(&body).map(Self)
        })
    }
}

/// Refuses what is not said to be JSON.
fn expect_json(request: &HttpRequest) -> Result<(), Problem> {
    let is_json = matches!(request.mime_type(), Ok(Some(mime)) if mime.subtype() == mime::JSON || mime.suffix() == Some(mime::JSON));
    if is_json {
        Ok(())
    } else {
        Err(Problem::unsupported_media_type())
    }
}

/// Reads the body whole, up to the limit, and notes its hash for the request's fingerprint.
async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, Problem> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok())
        .unwrap_or(0);
    if announced > MOST_BYTES {
        return Err(Problem::payload_too_large(MOST_BYTES));
    }
    let mut body = BytesMut::with_capacity(announced);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_cut_off| Problem::bad_request("body_cut_off", "the body ended early"))?;
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(Problem::payload_too_large(MOST_BYTES));
        }
        body.extend_from_slice(&chunk);
    }
    let body = body.freeze();
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, &body).as_ref());
    request.extensions_mut().insert(BodyHash(hash));
    Ok(body)
}

/// Reads JSON into `T`; the first fault is told with its place.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if contains_nul(body) {
        return Err(FieldErrors::one("", "nul_character", "a text does not contain NUL").into());
    }
    // serde takes a list for a structure as well, its items for the members in their order.
    if body.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice::<serde::de::IgnoredAny>(body).map_err(|error| malformed(&error))?;
        return Err(FieldErrors::one("", "wrong_type", "a body is a JSON object, not a list").into());
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer_of(error.path());
        let cause = error.into_inner();
        match cause.classify() {
            serde_json::error::Category::Data => {
                FieldErrors::one(pointer, code_of(&cause), without_place(&cause)).into()
            }
            _ => malformed(&cause),
        }
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(cause: &serde_json::Error) -> Problem {
    Problem::bad_request(
        "malformed_json",
        format!(
            "the body is not JSON: fault at line {}, column {}",
            cause.line(),
            cause.column()
        ),
    )
}

/// Whether a string in the JSON text holds NUL, raw or escaped.
fn contains_nul(body: &[u8]) -> bool {
    if body.contains(&0) {
        return true;
    }
    let mut escaped = false;
    for window in body.windows(5) {
        match window {
            [b'\\', ..] => escaped = !escaped,
            [b'u', b'0', b'0', b'0', b'0'] if escaped => return true,
            _ => escaped = false,
        }
    }
    false
}

/// The path as a JSON Pointer (RFC 6901).
fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// serde's message without "at line 1 column 2", which says nothing once the place is named.
fn without_place(cause: &serde_json::Error) -> String {
    let message = cause.to_string();
    message
        .rsplit_once(" at line ")
        .map_or(message.clone(), |(said, _)| said.to_owned())
}

fn code_of(cause: &serde_json::Error) -> &'static str {
    let message = cause.to_string();
    if message.starts_with("missing field") {
        "required"
    } else if message.starts_with("unknown field") {
        "unknown_field"
    } else if message.starts_with("duplicate field") {
        "duplicate_field"
    } else if message.starts_with("invalid type") {
        "wrong_type"
    } else {
        "invalid"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Person {
        name: String,
        #[serde(default)]
        phones: Vec<Phone>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Phone {
        number: String,
    }

    #[test]
    fn the_first_fault_is_named_with_its_place() {
        for (json, status, part) in [
            ("{", 400, "malformed_json"),
            (r#"{"name":"Ana"} x"#, 400, "malformed_json"),
            (r#"{"name":1}"#, 422, "/name"),
            (
                r#"{"name":"Ana","phones":[{"number":"1"},{"number":null}]}"#,
                422,
                "/phones/1/number",
            ),
            (r#"{"name":"Ana","nmae":"x"}"#, 422, "unknown_field"),
            (r#"{}"#, 422, "required"),
            ("{\"name\":\"a\\u0000b\"}", 422, "nul_character"),
        ] {
            let problem = parse::<Person>(json.as_bytes()).unwrap_err();
            assert_eq!(problem.status().as_u16(), status, "{json}");
            assert!(format!("{problem:?}").contains(part), "{json}: {problem:?}");
        }
    }

    #[test]
    fn an_escaped_backslash_before_u0000_is_no_nul() {
        let person: Person = parse(br#"{"name":"a\\u0000b","phones":[{"number":"1"}]}"#).unwrap();
        assert_eq!(person.name, "a\\u0000b");
        assert_eq!(person.phones.first().map(|phone| phone.number.as_str()), Some("1"));
    }
}
