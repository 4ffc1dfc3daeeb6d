//! The caller of an endpoint: authenticated before, permitted by type, and the only way from here to a clinic's rows.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use db::Db;
use kernel::{Caller, Origin, Permission, Principal, Timestamp, Version};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::RequestContext;
use crate::paging::Paging;
use crate::permissions::{Demand, demand};
use crate::problem::Problem;
use crate::query::ListQuery;
use crate::state::Rest;
use crate::view::version_of_tag;

/// What the authentication of a request came to; put there by the middleware before any endpoint is reached.
#[derive(Debug, Clone)]
pub(crate) struct Authentication(pub(crate) Result<Principal, Problem>);

/// A caller who meets the demand `D`. An endpoint that takes one first is not reached, and no body is read, by anyone else.
pub struct Authorized<D> {
    pub(crate) principal: Principal,
    pub(crate) request: HttpRequest,
    pub(crate) rest: Data<Rest>,
    if_match: Option<Version>,
    demand: PhantomData<D>,
}

impl<D> Deref for Authorized<D> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl<D: Demand> FromRequest for Authorized<D> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl<D: Demand> Authorized<D> {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let principal = match request.extensions().get::<Authentication>() {
            Some(Authentication(result)) => result.clone()?,
            None => return Err(Problem::unauthorized("unauthenticated", "sign in first")),
        };
        D::check(&principal)?;
        let if_match = parse_if_match(request)?;
        Ok(Self {
            principal,
            request: request.clone(),
            rest: rest_of(request)?,
            if_match,
            demand: PhantomData,
        })
    }
}

impl<D> Authorized<D> {
    /// The version that `If-Match` names, when the client sent one: the write must fail unless the row has it.
    #[must_use]
    pub const fn if_match(&self) -> Option<Version> {
        self.if_match
    }

    /// The worker's database, for what the other methods do not cover (streams).
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.rest.db
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.rest.db.clock().now()
    }

    /// Demands one more permission, for what depends on the body.
    ///
    /// # Errors
    /// The 403 that names it.
    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        demand(&self.principal, permission)
    }

    /// How to page through the list `name`: checks limit, order (the first of `sorts` when none is asked for) and cursor.
    ///
    /// # Errors
    /// 422 for an unknown order, or a cursor that does not belong to this clinic, list, order and filter.
    pub fn paging<P: Serialize + DeserializeOwned, F: Serialize>(
        &self,
        name: &'static str,
        list: &ListQuery<F>,
        sorts: &[&'static str],
    ) -> Result<Paging<P>, Problem> {
        let sort = list.sort_among(sorts)?;
        let filter =
            serde_json::to_string(&(&list.filter, list.updated_since)).map_err(|error| Problem::internal(&error))?;
        let scope = format!("{name}|{}|{sort}|{filter}", self.principal.clinic());
        Paging::new(
            list.limit,
            sort,
            list.cursor.as_deref(),
            scope,
            self.rest.cursor_key.clone(),
        )
    }
}

/// The version in `If-Match`; `*` asks for none in particular.
fn parse_if_match(request: &HttpRequest) -> Result<Option<Version>, Problem> {
    let Some(value) = request.headers().get(header::IF_MATCH) else {
        return Ok(None);
    };
    match value.to_str().map(str::trim) {
        Ok("*") => Ok(None),
        Ok(tag) => version_of_tag(tag).map(Some).ok_or_else(Problem::precondition_failed),
        Err(_not_text) => Err(Problem::precondition_failed()),
    }
}

/// The worker's shared state.
pub(crate) fn rest_of(request: &HttpRequest) -> Result<Data<Rest>, Problem> {
    request.app_data::<Data<Rest>>().cloned().ok_or_else(|| {
        tracing::error!("the application was put together without rest::Rest");
        Problem::unavailable()
    })
}

/// One who calls an endpoint that is open to all, such as the sign-in.
#[derive(Debug, Clone)]
pub struct Public {
    origin: Origin,
    user_agent: Option<String>,
}

impl Public {
    /// The request's id and the client's address.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// What the client calls itself, cut to 200 characters.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }
}

impl FromRequest for Public {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let origin = request
            .extensions()
            .get::<RequestContext>()
            .map_or_else(Origin::default, |context| context.origin);
        let user_agent = request
            .headers()
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map(|text| text.chars().take(200).collect());
        ready(Ok(Self { origin, user_agent }))
    }
}
