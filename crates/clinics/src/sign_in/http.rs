//! Signing in over HTTP. Nothing here is kept for repeated requests: each answer with tokens is given once.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use auth::RefreshToken;
use kernel::email::EmailAddress;
use kernel::text::{PersonName, Slug};
use kernel::{FieldErrors, Permission, Role, UserId};
use rest::permissions::SignedIn as AnySignedIn;
use rest::{Authorized, Problem, Public, Reply, Rest, Valid, View};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::SignInError;
use super::model::{Attempt, SignedIn};
use super::service;
use crate::accounts::Accounts;
use crate::credentials::{ClinicSummary, SignInCode, Visit};
use crate::sessions::{SessionError, end_own, signed_in_user};

/// Registers the endpoints under `/v1`.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(login)
        .service(refresh)
        .service(logout)
        .service(switch_clinic);
}

/// Registers the endpoints at well-known addresses.
pub(crate) fn well_known_routes(config: &mut ServiceConfig<'_>) {
    config.service(get_jwks);
}

/// Who signs in, and where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    /// The e-mail address of the account.
    #[schema(example = "owner@aurora.example")]
    email: String,
    /// The password.
    #[schema(value_type = String, format = Password, example = "demo-taskmed-2026")]
    password: SecretString,
    /// The clinic, for who works in several.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "aurora")]
    clinic_slug: Option<String>,
    /// The code of the second factor, or one of the recovery codes; for who has set one up.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = json!(null))]
    totp_code: Option<SecretString>,
}

impl TryFrom<LoginRequest> for Attempt {
    type Error = FieldErrors;

    fn try_from(request: LoginRequest) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let email = errors.take("/email", "invalid_email", EmailAddress::parse(&request.email));
        let clinic_slug = request
            .clinic_slug
            .map(|slug| errors.take("/clinic_slug", "invalid_slug", Slug::parse(&slug)));
        let attempt = email.map(|email| Self {
            email,
            password: request.password,
            clinic_slug: clinic_slug.flatten(),
            code: request.totp_code.map(SignInCode::new),
        });
        errors.finish(attempt)
    }
}

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    /// The refresh token that came with the last access token.
    #[schema(value_type = String, example = "tmr_0192f0c12a3b7c4d8e5f60718293a4b5_…")]
    refresh_token: SecretString,
}

/// Another clinic.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwitchRequest {
    /// The clinic to go to.
    #[schema(example = "horizonte")]
    clinic_slug: String,
}

/// The person signed in.
#[derive(Serialize, ToSchema)]
pub struct SignedInUserView {
    /// The user's id, the same in every clinic.
    id: UserId,
    /// The e-mail address.
    email: EmailAddress,
    /// The name.
    name: PersonName,
}

/// Tokens, and whom and where they are for.
#[derive(Serialize, ToSchema)]
pub struct SignInAnswer {
    /// To be sent as `Authorization: Bearer …`.
    access_token: String,
    /// Renews the access token, once.
    refresh_token: String,
    /// How the access token is used (RFC 6750).
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How long the access token is good, in seconds.
    #[schema(example = 900)]
    expires_in: i64,
    /// Who is signed in.
    user: SignedInUserView,
    /// Where.
    clinic: ClinicSummary,
    /// What they may do there.
    permissions: Vec<Permission>,
}

impl View for SignInAnswer {}

impl From<SignedIn> for SignInAnswer {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn {
            access_token,
            refresh_token,
            user,
            place,
        } = signed_in;
        Self {
            access_token: access_token.token.expose_secret().to_owned(),
            refresh_token: refresh_token.expose_secret().to_owned(),
            token_type: "Bearer",
            expires_in: access_token.lifetime.num_seconds(),
            user: SignedInUserView {
                id: user.id,
                email: user.email,
                name: user.name,
            },
            permissions: Role::permissions_of(&place.roles()).iter().collect(),
            clinic: place.clinic,
        }
    }
}

impl From<&Public> for Visit {
    fn from(public: &Public) -> Self {
        Self {
            origin: public.origin(),
            user_agent: public.user_agent().map(str::to_owned),
        }
    }
}

/// Signs in by e-mail and password.
///
/// A wrong password and an e-mail that nobody has are answered alike: 401 `invalid_credentials`. Who has a second factor sends
/// its code too: 401 `totp_required`, `invalid_totp_code`. Who works in several clinics names one: 409 `clinic_required` with
/// the list in `clinics`. After ten failures each further one takes longer: 429 `too_many_failed_sign_ins`.
#[utoipa::path(tag = "sign-in", summary = "Signs in", operation_id = "login", request_body = LoginRequest,
    responses((status = 200, body = SignInAnswer),
        (status = 401, body = Problem, description = "`invalid_credentials`, `totp_required`, `invalid_totp_code`"),
        (status = 403, body = Problem, description = "`no_clinic`"),
        (status = 409, body = Problem, description = "`clinic_required`, with `clinics`")))]
#[post("/auth/login")]
async fn login(
    public: Public,
    body: Valid<LoginRequest>,
    accounts: Data<Accounts>,
    rest: Data<Rest>,
) -> Result<HttpResponse, Problem> {
    let attempt = Attempt::try_from(body.into_inner())?;
    let signed_in = service::sign_in(&accounts, &rest.db, &attempt, &Visit::from(&public)).await?;
    Reply::ok(SignInAnswer::from(signed_in)).into_response()
}

/// Renews tokens.
///
/// A refresh token is good once. One that comes a second time was stolen from somebody: the whole sign-in ends.
#[utoipa::path(tag = "sign-in", summary = "Renews tokens", operation_id = "refresh",
    request_body = RefreshRequest, responses((status = 200, body = SignInAnswer),
        (status = 401, body = Problem, description = "`invalid_refresh_token`")))]
#[post("/auth/refresh")]
async fn refresh(
    public: Public,
    body: Valid<RefreshRequest>,
    accounts: Data<Accounts>,
    rest: Data<Rest>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_inner();
    let token = RefreshToken::parse(request.refresh_token.expose_secret()).or(Err(SignInError::InvalidRefreshToken))?;
    let signed_in = service::renew(&accounts, &rest.db, &token, &Visit::from(&public)).await?;
    Reply::ok(SignInAnswer::from(signed_in)).into_response()
}

/// Signs out: the sign-in that this request came by ends, and its tokens with it.
#[utoipa::path(tag = "sign-in", summary = "Signs out", operation_id = "logout", security(("bearer" = [])),
    responses((status = 204, description = "Signed out.")))]
#[post("/auth/logout")]
async fn logout(caller: Authorized<AnySignedIn>) -> Result<HttpResponse, Problem> {
    let own = signed_in_user(&caller)?;
    caller
        .write_unrecorded(async |tx| {
            end_own(tx, own).await?;
            Ok::<_, SessionError>(Reply::no_content())
        })
        .await
}

/// Gives tokens for another clinic in which the caller works. The present sign-in stays open.
#[utoipa::path(tag = "sign-in", summary = "Goes to another of one's clinics", operation_id = "switch_clinic",
    security(("bearer" = [])), request_body = SwitchRequest, responses((status = 200, body = SignInAnswer)))]
#[post("/auth/switch")]
async fn switch_clinic(
    caller: Authorized<AnySignedIn>,
    public: Public,
    body: Valid<SwitchRequest>,
    accounts: Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_inner();
    let slug =
        Slug::parse(&request.clinic_slug).map_err(|error| FieldErrors::one("/clinic_slug", error.code(), error))?;
    let signed_in = service::switch(&accounts, caller.db(), &caller, &slug, &Visit::from(&public)).await?;
    Reply::ok(SignInAnswer::from(signed_in)).into_response()
}

/// A public key (RFC 7517, RFC 8037).
#[derive(Serialize, ToSchema)]
pub struct JwkView {
    /// Key type.
    #[schema(example = "OKP")]
    kty: &'static str,
    /// Curve.
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// Public key, base64url.
    x: String,
    /// Key id, as in the header of tokens.
    kid: String,
    /// What it is for.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    usage: &'static str,
    /// Signature algorithm.
    #[schema(example = "EdDSA")]
    alg: &'static str,
}

/// The public keys by which access tokens are verified.
#[derive(Serialize, ToSchema)]
pub struct JwksView {
    /// Every key that may have signed a token which is still good.
    keys: Vec<JwkView>,
}

/// The public keys by which access tokens are verified (RFC 7517, section 5).
#[utoipa::path(tag = "sign-in", summary = "Shows the keys that sign tokens", operation_id = "get_jwks",
    responses((status = 200, body = JwksView)))]
#[get("/.well-known/jwks.json")]
async fn get_jwks(accounts: Data<Accounts>) -> HttpResponse {
    let current = accounts.tokens.keys().current();
    let keys = current.jwks().keys.iter().cloned();
    let keys = keys.map(|key| JwkView {
        kty: key.kty,
        crv: key.crv,
        x: key.x,
        kid: key.kid,
        usage: key.usage,
        alg: key.alg,
    });
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .json(JwksView { keys: keys.collect() })
}
