//! New passwords over HTTP. What answers with a secret is kept for no repeated request.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use auth::PasswordResetToken;
use kernel::email::EmailAddress;
use kernel::{FieldErrors, MembershipId, Timestamp};
use rest::permissions::StaffManage;
use rest::{Authorized, PathId, Problem, Public, Reply, Rest, Valid, View};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::PasswordResetError;
use super::model::IssuedReset;
use super::service;
use crate::accounts::Accounts;

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(request_password_reset)
        .service(complete_password_reset)
        .service(issue_password_reset);
}

/// Who wants a new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestPasswordReset {
    /// The e-mail address of the account.
    #[schema(example = "reception@aurora.example")]
    email: String,
}

/// What happens next; the same whether there is such an account or not.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasswordResetRequestedView {
    /// What happens next, for people.
    detail: &'static str,
}

impl View for PasswordResetRequestedView {}

const REQUESTED: PasswordResetRequestedView = PasswordResetRequestedView {
    detail: "if there is such an account, whoever manages the staff of its clinic can now hand out a link",
};

const MAILED: PasswordResetRequestedView = PasswordResetRequestedView {
    detail: "if there is such an account, a link is on its way to its address",
};

/// A link's secret and a new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompletePasswordReset {
    /// The link's secret.
    #[schema(value_type = String, example = "tmp_0192f0c12a3b7c4d8e5f60718293a4b5_…")]
    token: SecretString,
    /// The new password: at least 15 characters, not one of the common ones.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 256)]
    new_password: SecretString,
}

/// A link's secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct PasswordResetView {
    /// The secret to hand to the person, for `POST /v1/auth/password-resets/complete`.
    #[schema(example = "tmp_0192f0c12a3b7c4d8e5f60718293a4b5_…")]
    token: String,
    /// When its time is over.
    expires_at: Timestamp,
}

impl View for PasswordResetView {}

/// What happens next.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasswordResetMailedView {
    /// What happens next, for people.
    detail: &'static str,
}

impl View for PasswordResetMailedView {}

impl PasswordResetMailedView {
    const NEW: Self = Self {
        detail: "a link is on its way to the person's address, unless three were mailed within the hour",
    };
}

impl From<IssuedReset> for PasswordResetView {
    fn from(IssuedReset { token, expires_at }: IssuedReset) -> Self {
        Self {
            token: token.expose_secret().to_owned(),
            expires_at,
        }
    }
}

/// Asks for a new password. The answer is always the same, and never carries the link.
///
/// The person gets it by mail, at most three times in an hour; where the installation sends no mail, whoever manages the staff of
/// their clinics can hand it out. The request is noted in the audit log of these clinics.
#[utoipa::path(tag = "sign-in", summary = "Asks for a new password", operation_id = "request_password_reset",
    request_body = RequestPasswordReset, responses((status = 202, body = PasswordResetRequestedView)))]
#[post("/auth/password-resets")]
async fn request_password_reset(
    public: Public,
    body: Valid<RequestPasswordReset>,
    accounts: Data<Accounts>,
    rest: Data<Rest>,
) -> Result<HttpResponse, Problem> {
    let email = EmailAddress::parse(&body.into_inner().email)
        .map_err(|error| FieldErrors::one("/email", error.code(), error))?;
    let (db, origin, is_mailed) = (rest.db.clone(), public.origin(), accounts.mail_is_on);
    // Beside the request, so that the time of the answer does not tell who has an account.
    actix_web::rt::spawn(async move {
        if let Err(error) = service::note_request(&db, email, origin, is_mailed).await {
            tracing::warn!(%error, "a request for a new password could not be noted");
        }
    });
    Reply::accepted(if is_mailed { MAILED } else { REQUESTED }).into_response()
}

/// Sets a new password by the secret of a link, which is good once. Every sign-in of the person ends; the second factor stays.
#[utoipa::path(tag = "sign-in", summary = "Sets a new password", operation_id = "complete_password_reset",
    request_body = CompletePasswordReset, responses((status = 204, description = "The password was set.")))]
#[post("/auth/password-resets/complete")]
async fn complete_password_reset(
    public: Public,
    body: Valid<CompletePasswordReset>,
    accounts: Data<Accounts>,
    rest: Data<Rest>,
) -> Result<HttpResponse, Problem> {
    let CompletePasswordReset { token, new_password } = body.into_inner();
    let token = PasswordResetToken::parse(token.expose_secret()).or(Err(PasswordResetError::InvalidToken))?;
    service::complete(&accounts, &rest.db, &token, &new_password, public.origin()).await?;
    Reply::no_content().into_response()
}

/// Has a link mailed to a member of the staff, by which they set a new password: 202, and nobody else gets to see the link. At
/// most three in an hour are mailed to one person, whoever asks. Refused for oneself (`own_password`).
///
/// Where the installation sends no mail, hands out the link: 201; give it to them. Links from before are good no more.
/// Refused for oneself (`own_password`), for who holds roles that the caller may not grant (`password_reset_not_permitted`),
/// and for who works in other clinics too (`works_elsewhere`).
#[utoipa::path(tag = "staff", summary = "Hands out a link for a new password", operation_id = "issue_password_reset",
    security(("bearer" = ["staff:manage"])), params(("id" = MembershipId, Path)),
    responses((status = 201, body = PasswordResetView, description = "The link, where no mail is sent."),
        (status = 202, body = PasswordResetMailedView, description = "The link is mailed.")))]
#[post("/staff/{id}/password-reset")]
async fn issue_password_reset(
    caller: Authorized<StaffManage>,
    id: PathId<MembershipId>,
    accounts: Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    if accounts.mail_is_on {
        return caller
            .write(async |tx| {
                service::mail_to_member(tx, &caller, id).await?;
                Ok::<_, PasswordResetError>(Reply::accepted(PasswordResetMailedView::NEW))
            })
            .await;
    }
    caller
        .write_unrecorded(async |tx| {
            let issued = service::issue_for_member(tx, &caller, id).await?;
            Ok::<_, PasswordResetError>(Reply::created(
                format!("/v1/staff/{id}"),
                PasswordResetView::from(issued),
            ))
        })
        .await
}
