//! Ids in the path.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::problem::Problem;

/// The `{id}` of the path. Text that is no id names nothing, so it is 404.
#[derive(Debug, Clone, Copy)]
pub struct PathId<T>(T);

impl<T> PathId<T> {
    /// The id.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: FromStr + 'static> FromRequest for PathId<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| text.parse().ok());
        ready(id.map(Self).ok_or_else(|| Problem::not_found("not_found")))
    }
}
