//! One's own account over HTTP. What answers with a secret is kept for no repeated request.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use auth::recovery_codes::RecoveryCode;
use kernel::email::EmailAddress;
use kernel::text::{Label, PersonName};
use kernel::{ApiKeyId, MembershipId, Permission, PermissionSet, Role, SessionId, Timestamp, UserId};
use rest::permissions::SignedIn;
use rest::{Authorized, Problem, ReadPlan, Reply, RowQuery, Valid, View};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::AccountError;
use super::model::{Enrolment, Identity, Integration, SignedInPerson};
use super::service;
use crate::accounts::Accounts;
use crate::credentials::{ClinicSummary, SignInCode};

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(get_me)
        .service(change_password)
        .service(enrol_totp)
        .service(confirm_totp)
        .service(disable_totp)
        .service(renew_recovery_codes);
}

/// The caller's user.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnUserView {
    /// The user's id, the same in every clinic.
    id: UserId,
    /// The e-mail address.
    email: EmailAddress,
    /// The name.
    name: PersonName,
    /// Whether a second factor is asked for at sign-in.
    totp_enabled: bool,
}

/// The caller's place in the clinic.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnMembershipView {
    /// Its id, as in `/v1/staff`.
    id: MembershipId,
}

/// The sign-in that the request came by.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnSessionView {
    /// The sign-in's id.
    id: SessionId,
    /// When it signed in.
    created_at: Timestamp,
    /// When it ends unless it is renewed.
    expires_at: Timestamp,
}

/// The key that the request came by.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnApiKeyView {
    /// The key's id.
    id: ApiKeyId,
    /// Its name.
    name: Label,
}

/// Who the caller is and what they may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeView {
    /// The person; null for an integration.
    user: Option<OwnUserView>,
    /// The clinic.
    clinic: ClinicSummary,
    /// The person's place in the clinic; null for an integration.
    membership: Option<OwnMembershipView>,
    /// The roles held in the clinic; none for an integration.
    roles: Vec<Role>,
    /// What the caller may do.
    permissions: Vec<Permission>,
    /// The sign-in; null for an integration.
    session: Option<OwnSessionView>,
    /// The key; null for a person.
    api_key: Option<OwnApiKeyView>,
}

impl View for MeView {}

impl MeView {
    fn of(identity: Identity, permissions: PermissionSet) -> Self {
        let permissions = permissions.iter().collect();
        match identity {
            Identity::Person(person) => Self::of_person(*person, permissions),
            Identity::Integration(Integration { id, name, clinic }) => Self {
                user: None,
                clinic,
                membership: None,
                roles: Vec::new(),
                permissions,
                session: None,
                api_key: Some(OwnApiKeyView { id, name }),
            },
        }
    }

    fn of_person(person: SignedInPerson, permissions: Vec<Permission>) -> Self {
        Self {
            roles: person.roles(),
            user: Some(OwnUserView {
                id: person.user_id,
                email: person.email,
                name: person.name,
                totp_enabled: person.totp_confirmed_at.is_some(),
            }),
            clinic: person.clinic,
            membership: Some(OwnMembershipView {
                id: person.membership_id,
            }),
            permissions,
            session: Some(OwnSessionView {
                id: person.session_id,
                created_at: person.session_created_at,
                expires_at: person.session_expires_at,
            }),
            api_key: None,
        }
    }
}

/// Shows who the caller is, in which clinic, and what they may do there.
#[utoipa::path(tag = "account", summary = "Shows who I am", operation_id = "get_me", security(("bearer" = [])),
    params(RowQuery), responses((status = 200, body = MeView)))]
#[get("/me")]
async fn get_me(caller: Authorized<SignedIn>, query: RowQuery) -> Result<HttpResponse, Problem> {
    let permissions = caller.permissions();
    caller
        .read(ReadPlan::new("account.me").uncached(), &query, async |tx| {
            let identity = service::identity(tx, &caller).await?;
            Ok::<_, AccountError>(MeView::of(identity, permissions))
        })
        .await
}

/// A new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePasswordRequest {
    /// The present password.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// The new one: at least 15 characters, not one of the common ones.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 256)]
    new_password: SecretString,
    /// The six digits that the app shows now, or one of the recovery codes; demanded of who has a second factor.
    #[schema(value_type = Option<String>, example = "123456")]
    totp_code: Option<SecretString>,
}

/// The present password, where it alone is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrolTotpRequest {
    /// The present password.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
}

/// The code that confirms a second factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmTotpRequest {
    /// The six digits that the app shows now.
    #[schema(value_type = String, example = "123456")]
    totp_code: SecretString,
}

/// Password and second factor together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullProofRequest {
    /// The present password.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// The six digits that the app shows now, or one of the recovery codes.
    #[schema(value_type = String, example = "123456")]
    totp_code: SecretString,
}

/// A second factor that waits to be confirmed; shown once.
#[derive(Serialize, ToSchema)]
pub struct TotpEnrolmentView {
    /// The secret in base32, for typing it into an app.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The secret as an address, for a QR code.
    #[schema(example = "otpauth://totp/TaskMed:owner%40aurora.example?secret=…&issuer=TaskMed")]
    otpauth_url: String,
}

impl View for TotpEnrolmentView {}

impl From<Enrolment> for TotpEnrolmentView {
    fn from(Enrolment { secret, otpauth_url }: Enrolment) -> Self {
        Self {
            secret: secret.expose_secret().to_owned(),
            otpauth_url: otpauth_url.expose_secret().to_owned(),
        }
    }
}

/// Ten codes for when the second factor is lost, each good once; shown once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodesView {
    /// The codes.
    #[schema(example = json!(["abcd-efgh-ij"]))]
    recovery_codes: Vec<String>,
}

impl View for RecoveryCodesView {}

impl From<Vec<RecoveryCode>> for RecoveryCodesView {
    fn from(codes: Vec<RecoveryCode>) -> Self {
        Self {
            recovery_codes: codes
                .iter()
                .map(|code| code.reveal().expose_secret().to_owned())
                .collect(),
        }
    }
}

/// Changes the password. Every other sign-in of the person ends, in every clinic.
#[utoipa::path(tag = "account", summary = "Changes the password", operation_id = "change_password",
    security(("bearer" = [])), request_body = ChangePasswordRequest,
    responses((status = 204, description = "The password was changed.")))]
#[post("/me/password")]
async fn change_password(
    caller: Authorized<SignedIn>,
    body: Valid<ChangePasswordRequest>,
    accounts: Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let ChangePasswordRequest {
        current_password,
        new_password,
        totp_code,
    } = body.into_inner();
    let code = totp_code.map(SignInCode::new);
    let change = service::PasswordChange {
        current: &current_password,
        new: &new_password,
        code: code.as_ref(),
    };
    service::change_password(&accounts, caller.db(), &caller, change).await?;
    Reply::no_content().into_response()
}

/// Begins a second factor. It is asked for at sign-in once it was confirmed.
#[utoipa::path(tag = "account", summary = "Begins a second factor", operation_id = "enrol_totp",
    security(("bearer" = [])), request_body = EnrolTotpRequest,
    responses((status = 200, body = TotpEnrolmentView),
        (status = 409, body = Problem, description = "`totp_enabled`")))]
#[post("/me/totp")]
async fn enrol_totp(
    caller: Authorized<SignedIn>,
    body: Valid<EnrolTotpRequest>,
    accounts: Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let EnrolTotpRequest { current_password } = body.into_inner();
    let enrolment = service::enrol_totp(&accounts, caller.db(), &caller, &current_password).await?;
    Reply::ok(TotpEnrolmentView::from(enrolment)).into_response()
}

/// Confirms the second factor by the code that the app shows now, and gives ten recovery codes.
#[utoipa::path(tag = "account", summary = "Confirms the second factor", operation_id = "confirm_totp",
    security(("bearer" = [])), request_body = ConfirmTotpRequest,
    responses((status = 200, body = RecoveryCodesView),
        (status = 409, body = Problem, description = "`totp_enabled`, `totp_not_enrolled`")))]
#[post("/me/totp/confirm")]
async fn confirm_totp(
    caller: Authorized<SignedIn>,
    body: Valid<ConfirmTotpRequest>,
    accounts: Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let ConfirmTotpRequest { totp_code } = body.into_inner();
    let codes = service::confirm_totp(&accounts, caller.db(), &caller, &totp_code).await?;
    Reply::ok(RecoveryCodesView::from(codes)).into_response()
}

/// Takes the second factor and its recovery codes away.
#[utoipa::path(tag = "account", summary = "Disables the second factor", operation_id = "disable_totp",
    security(("bearer" = [])), request_body = FullProofRequest,
    responses((status = 204, description = "No second factor is asked for any more."),
        (status = 409, body = Problem, description = "`totp_not_enabled`")))]
#[post("/me/totp/disable")]
async fn disable_totp(
    caller: Authorized<SignedIn>,
    body: Valid<FullProofRequest>,
    accounts: Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let FullProofRequest {
        current_password,
        totp_code,
    } = body.into_inner();
    let code = SignInCode::new(totp_code);
    service::disable_totp(&accounts, caller.db(), &caller, &current_password, &code).await?;
    Reply::no_content().into_response()
}

/// Gives ten new recovery codes; those from before are good no more.
#[utoipa::path(tag = "account", summary = "Renews the recovery codes", operation_id = "renew_recovery_codes",
    security(("bearer" = [])), request_body = FullProofRequest,
    responses((status = 200, body = RecoveryCodesView),
        (status = 409, body = Problem, description = "`totp_not_enabled`")))]
#[post("/me/recovery-codes")]
async fn renew_recovery_codes(
    caller: Authorized<SignedIn>,
    body: Valid<FullProofRequest>,
    accounts: Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let FullProofRequest {
        current_password,
        totp_code,
    } = body.into_inner();
    let code = SignInCode::new(totp_code);
    let codes = service::renew_recovery_codes(&accounts, caller.db(), &caller, &current_password, &code).await?;
    Reply::ok(RecoveryCodesView::from(codes)).into_response()
}
