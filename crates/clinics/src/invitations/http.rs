//! Invitations over HTTP.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, post};
use auth::InvitationToken;
use kernel::email::EmailAddress;
use kernel::text::PersonName;
use kernel::{FieldErrors, InvitationId, MembershipId, Role, Timestamp, UserId, Version};
use rest::permissions::StaffManage;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::accept::{self, Joined};
use super::error::InvitationError;
use super::model::{Acceptance, Invitation, InvitationPosition, InvitationStatus, MailState, NewInvitation};
use super::{service, store};
use crate::accounts::Accounts;
use crate::credentials::ClinicSummary;
use rest::{
    AuditRecord, Authorized, ListParams, ListQuery, Page, PathId, Problem, Public, ReadPlan, Reply, Rest, RowQuery,
    Valid, View,
};

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(create_invitation)
        .service(list_invitations)
        .service(accept_invitation)
        .service(get_invitation)
        .service(revoke_invitation)
        .service(resend_invitation);
}

/// An invitation, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationView {
    /// The invitation's id.
    id: InvitationId,
    /// Who is invited.
    email: EmailAddress,
    /// Their name.
    name: PersonName,
    /// The roles that they get.
    roles: Vec<Role>,
    /// How it stands.
    status: InvitationStatus,
    /// The member of the staff who invited; null when it was an integration.
    invited_by: Option<MembershipId>,
    /// When its time is over.
    expires_at: Timestamp,
    /// When the person joined.
    accepted_at: Option<Timestamp>,
    /// When it was taken back.
    archived_at: Option<Timestamp>,
    /// What became of the mail with it; left out when it is handed on by people.
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<MailState>,
    /// How often it was written.
    version: Version,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last written.
    updated_at: Timestamp,
}

impl View for InvitationView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl InvitationView {
    fn at(now: Timestamp, invitation: Invitation) -> Self {
        let (roles, status) = (invitation.roles(), invitation.status(now));
        Self {
            id: invitation.id,
            email: invitation.email,
            name: invitation.name,
            roles,
            status,
            invited_by: invitation.invited_by,
            expires_at: invitation.expires_at,
            accepted_at: invitation.accepted_at,
            archived_at: invitation.archived_at,
            mail: invitation.mail_state,
            version: invitation.version,
            created_at: invitation.created_at,
            updated_at: invitation.updated_at,
        }
    }
}

/// A new invitation, with its secret where it is not mailed.
#[derive(Serialize, ToSchema)]
pub struct NewInvitationView {
    /// The invitation.
    invitation: InvitationView,
    /// The secret to hand to the invited person, for `POST /v1/invitations/accept`, shown this once. Left out when this
    /// installation sends mail: then the person gets the link by mail, and nobody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "tmi_0192f0c12a3b7c4d8e5f60718293a4b5_…")]
    token: Option<String>,
}

impl View for NewInvitationView {
    fn version(&self) -> Option<Version> {
        Some(self.invitation.version)
    }
}

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateInvitation {
    /// The e-mail address, which becomes the account's.
    #[schema(example = "ana.souza@aurora.example")]
    email: String,
    /// The person's name.
    #[schema(example = "Ana Souza")]
    name: String,
    /// The roles to give; at least one.
    #[schema(min_items = 1)]
    roles: Vec<Role>,
}

impl TryFrom<CreateInvitation> for NewInvitation {
    type Error = FieldErrors;

    fn try_from(body: CreateInvitation) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        let email = errors.read("/email", EmailAddress::parse(&body.email));
        let name = errors.read("/name", PersonName::parse(&body.name));
        if body.roles.is_empty() {
            errors.push("/roles", "required", "at least one role is needed");
        }
        let invitation = email.zip(name).map(|(email, name)| Self {
            email,
            name,
            roles: body.roles,
        });
        errors.finish(invitation)
    }
}

/// Which invitations to list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvitationFilter {
    /// Only those that stand so.
    #[param(inline)]
    status: Option<InvitationStatus>,
}

/// Who joins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptInvitation {
    /// The invitation's secret.
    #[schema(value_type = String, example = "tmi_0192f0c12a3b7c4d8e5f60718293a4b5_…")]
    token: SecretString,
    /// The password: of the account, where the e-mail has one, else a new one of at least 15 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
    /// The name of a new account, where it is not the one in the invitation.
    #[serde(default)]
    name: Option<String>,
}

/// The person's new place.
#[derive(Debug, Serialize, ToSchema)]
pub struct JoinedView {
    /// The account.
    user_id: UserId,
    /// The place in the clinic.
    membership_id: MembershipId,
    /// The e-mail to sign in with.
    email: EmailAddress,
    /// The roles held.
    roles: Vec<Role>,
    /// The clinic.
    clinic: ClinicSummary,
}

impl View for JoinedView {}

impl From<Joined> for JoinedView {
    fn from(joined: Joined) -> Self {
        let Joined {
            user,
            membership,
            invitation,
            clinic,
        } = joined;
        Self {
            user_id: user,
            membership_id: membership,
            roles: invitation.roles(),
            email: invitation.email,
            clinic,
        }
    }
}

/// Invites a person. They get the link by mail; where the installation sends none, the answer carries the secret that lets them
/// join, once: hand it to them.
///
/// Nobody grants permissions they lack: 403 `role_not_grantable`. Only an owner makes owners and practitioners.
#[utoipa::path(tag = "staff", summary = "Invites a person", operation_id = "create_invitation",
    security(("bearer" = ["staff:manage"])), request_body = CreateInvitation,
    responses((status = 201, body = NewInvitationView),
        (status = 409, body = Problem, description = "`invitation_exists`, `already_member`")))]
#[post("/invitations")]
async fn create_invitation(
    caller: Authorized<StaffManage>,
    body: Valid<CreateInvitation>,
    accounts: Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let new = NewInvitation::try_from(body.into_inner())?;
    caller
        .write_unrecorded(async |tx| {
            let (invitation, token) = service::create(tx, &caller, &new, accounts.mail_is_on).await?;
            let location = format!("/v1/invitations/{}", invitation.id);
            let view = NewInvitationView {
                invitation: InvitationView::at(tx.now(), invitation),
                token: token.map(|token| token.expose_secret().to_owned()),
            };
            Ok::<_, InvitationError>(Reply::created(location, view))
        })
        .await
}

/// Lists invitations, the newest first.
#[utoipa::path(tag = "staff", summary = "Lists invitations", operation_id = "list_invitations",
    security(("bearer" = ["staff:manage"])), params(ListParams, InvitationFilter),
    responses((status = 200, body = Page<InvitationView>)))]
#[get("/invitations")]
async fn list_invitations(
    caller: Authorized<StaffManage>,
    list: ListQuery<InvitationFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<InvitationPosition, _>("invitations.list", &list, &["-created_at"])?;
    // How an invitation stands depends on the moment.
    let plan = ReadPlan::new("invitations.list")
        .uncached()
        .audit(AuditRecord::over("invitations.list", "invitation"));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::list(tx, list.filter.status, list.updated_since, &paging).await?;
            let view = |row| InvitationView::at(tx.now(), row);
            Ok::<_, InvitationError>(paging.page(rows, Invitation::position, view))
        })
        .await
}

/// Shows an invitation, without its secret.
#[utoipa::path(tag = "staff", summary = "Shows an invitation", operation_id = "get_invitation",
    security(("bearer" = ["staff:manage"])), params(("id" = InvitationId, Path), RowQuery),
    responses((status = 200, body = InvitationView)))]
#[get("/invitations/{id}")]
async fn get_invitation(
    caller: Authorized<StaffManage>,
    id: PathId<InvitationId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let record = AuditRecord::new("invitations.read", "invitation", id.as_uuid());
    caller
        .read(
            ReadPlan::new("invitations.get").uncached().audit(record),
            &query,
            async |tx| {
                let invitation = service::get(tx, id).await?;
                Ok::<_, InvitationError>(InvitationView::at(tx.now(), invitation))
            },
        )
        .await
}

/// Takes an invitation back: its secret is good no more.
#[utoipa::path(tag = "staff", summary = "Revokes an invitation", operation_id = "revoke_invitation",
    security(("bearer" = ["staff:manage"])), params(("id" = InvitationId, Path)),
    responses((status = 204, description = "It was taken back."),
        (status = 409, body = Problem, description = "`invitation_closed`: it was accepted")))]
#[delete("/invitations/{id}")]
async fn revoke_invitation(caller: Authorized<StaffManage>, id: PathId<InvitationId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            service::revoke(tx, id, caller.if_match()).await?;
            Ok::<_, InvitationError>(Reply::no_content())
        })
        .await
}

/// Has an invitation mailed again, at most once in five minutes. The new link is good for a week; the one from before no more.
///
/// Also brings one back whose time is over.
#[utoipa::path(tag = "staff", summary = "Mails an invitation again", operation_id = "resend_invitation",
    security(("bearer" = ["staff:manage"])), params(("id" = InvitationId, Path)),
    responses((status = 202, body = InvitationView),
        (status = 409, body = Problem, description = "`invitation_closed`: it was accepted or revoked; `mail_is_off`"),
        (status = 429, body = Problem, description = "`mailed_recently`")))]
#[post("/invitations/{id}/resend")]
async fn resend_invitation(
    caller: Authorized<StaffManage>,
    id: PathId<InvitationId>,
    accounts: Data<Accounts>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            if !accounts.mail_is_on {
                // What is not there is not there, whether it could be mailed or not.
                service::get(tx, id).await?;
                return Err(InvitationError::MailIsOff);
            }
            let invitation = service::resend(tx, id, caller.if_match()).await?;
            Ok::<_, InvitationError>(Reply::accepted(InvitationView::at(tx.now(), invitation)))
        })
        .await
}

/// Joins a clinic by the secret of an invitation, which is good once.
///
/// Who has an account proves it by its password; who has none chooses one. Nobody is signed in by it: sign in afterwards.
#[utoipa::path(tag = "staff", summary = "Accepts an invitation", operation_id = "accept_invitation",
    request_body = AcceptInvitation, responses((status = 201, body = JoinedView),
        (status = 409, body = Problem, description = "`invitation_closed`, `already_member`, `account_race`")))]
#[post("/invitations/accept")]
async fn accept_invitation(
    public: Public,
    body: Valid<AcceptInvitation>,
    accounts: Data<Accounts>,
    rest: Data<Rest>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let mut errors = FieldErrors::new();
    let name = errors.read_optional("/name", body.name, |name| PersonName::parse(&name));
    let name = errors.finish(name)?;
    let token = InvitationToken::parse(body.token.expose_secret()).or(Err(InvitationError::UnknownToken))?;
    let acceptance = Acceptance {
        password: body.password,
        name,
    };
    let joined = accept::accept(&accounts, &rest.db, &token, &acceptance, public.origin()).await?;
    Reply::created("/v1/me", JoinedView::from(joined)).into_response()
}
