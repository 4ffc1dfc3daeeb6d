//! The keys of integrations over HTTP.

use actix_web::{HttpResponse, delete, get, post};
use kernel::text::Label;
use kernel::{ApiKeyId, FieldErrors, MembershipId, Permission, Timestamp, Version};
use rest::permissions::ApiKeysManage;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::ApiKeyError;
use super::model::{ApiKey, ApiKeyPosition, ApiKeyStatus, IssuedApiKey, NewApiKey};
use super::{service, store};
use rest::{
    AuditRecord, Authorized, ListParams, ListQuery, Page, PathId, Problem, ReadPlan, Reply, RowQuery, Valid, View,
};

/// Registers the endpoints.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(create_api_key)
        .service(list_api_keys)
        .service(get_api_key)
        .service(revoke_api_key);
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyView {
    /// The key's id.
    id: ApiKeyId,
    /// What it is for.
    name: Label,
    /// The last characters of the secret, by which its owner knows it again.
    #[schema(example = "x9Qk")]
    secret_hint: String,
    /// What it may do, as far as its maker still may.
    permissions: Vec<Permission>,
    /// How it stands.
    status: ApiKeyStatus,
    /// The member of the staff who made it.
    created_by: MembershipId,
    /// When its time is over; null for never.
    expires_at: Option<Timestamp>,
    /// When it was last used, to the minute; null for never.
    last_used_at: Option<Timestamp>,
    /// When it was revoked.
    archived_at: Option<Timestamp>,
    /// How often it was written.
    version: Version,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last written.
    updated_at: Timestamp,
}

impl View for ApiKeyView {
    fn version(&self) -> Option<Version> {
        Some(self.version)
    }
}

impl ApiKeyView {
    fn at(now: Timestamp, row: ApiKey) -> Self {
        let (permissions, status) = (row.permissions(), row.status(now));
        Self {
            id: row.id,
            name: row.name,
            secret_hint: row.secret_hint,
            permissions,
            status,
            created_by: row.created_by,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            archived_at: row.archived_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A new key with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewApiKeyView {
    /// The key.
    api_key: ApiKeyView,
    /// The secret, to be sent as `Authorization: Bearer …`.
    #[schema(example = "tm_live_0192f0c12a3b7c4d8e5f60718293a4b5_…")]
    secret: String,
}

impl View for NewApiKeyView {
    fn version(&self) -> Option<Version> {
        Some(self.api_key.version)
    }
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateApiKey {
    /// What it is for.
    #[schema(example = "Website")]
    name: String,
    /// What it may do; at least one permission, and none that its maker lacks.
    #[schema(min_items = 1)]
    permissions: Vec<Permission>,
    /// When its time is over; never when not given.
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

impl CreateApiKey {
    fn parse(self, now: Timestamp) -> Result<NewApiKey, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name = errors.read("/name", Label::parse(&self.name));
        if self.permissions.is_empty() {
            errors.push("/permissions", "required", "at least one permission is needed");
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            errors.push("/expires_at", "in_past", "the end of a key lies in the future");
        }
        let permissions = self.permissions.into_iter().collect();
        let new = name.map(|name| NewApiKey {
            name,
            permissions,
            expires_at: self.expires_at,
        });
        errors.finish(new)
    }
}

/// Which keys to list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApiKeyFilter {
    /// Only those that stand so.
    #[param(inline)]
    status: Option<ApiKeyStatus>,
}

/// Makes a key for an integration. The answer carries its secret, once.
///
/// A key may do no more than its maker: 403 `permission_not_grantable`; nor later, should the maker's roles shrink.
#[utoipa::path(tag = "api-keys", summary = "Makes an API key", operation_id = "create_api_key",
    security(("bearer" = ["api_keys:manage"])), request_body = CreateApiKey,
    responses((status = 201, body = NewApiKeyView)))]
#[post("/api-keys")]
async fn create_api_key(caller: Authorized<ApiKeysManage>, body: Valid<CreateApiKey>) -> Result<HttpResponse, Problem> {
    let new = body.into_inner().parse(caller.now())?;
    caller
        .write_unrecorded(async |tx| {
            let IssuedApiKey { row, secret } = service::create(tx, &caller, &new).await?;
            let location = format!("/v1/api-keys/{}", row.id);
            let view = NewApiKeyView {
                api_key: ApiKeyView::at(tx.now(), row),
                secret: secret.expose_secret().to_owned(),
            };
            Ok::<_, ApiKeyError>(Reply::created(location, view))
        })
        .await
}

/// Lists the keys, the newest first.
#[utoipa::path(tag = "api-keys", summary = "Lists API keys", operation_id = "list_api_keys",
    security(("bearer" = ["api_keys:manage"])), params(ListParams, ApiKeyFilter),
    responses((status = 200, body = Page<ApiKeyView>)))]
#[get("/api-keys")]
async fn list_api_keys(
    caller: Authorized<ApiKeysManage>,
    list: ListQuery<ApiKeyFilter>,
) -> Result<HttpResponse, Problem> {
    let paging = caller.paging::<ApiKeyPosition, _>("api_keys.list", &list, &["-created_at"])?;
    // How a key stands and when it was last used depend on the moment.
    let plan = ReadPlan::new("api_keys.list")
        .uncached()
        .audit(AuditRecord::over("api_keys.list", "api_key"));
    caller
        .read_page(plan, &list, async |tx| {
            let rows = store::list(tx, list.filter.status, list.updated_since, &paging).await?;
            Ok::<_, ApiKeyError>(paging.page(rows, ApiKey::position, |row| ApiKeyView::at(tx.now(), row)))
        })
        .await
}

/// Shows a key, without its secret.
#[utoipa::path(tag = "api-keys", summary = "Shows an API key", operation_id = "get_api_key",
    security(("bearer" = ["api_keys:manage"])), params(("id" = ApiKeyId, Path), RowQuery),
    responses((status = 200, body = ApiKeyView)))]
#[get("/api-keys/{id}")]
async fn get_api_key(
    caller: Authorized<ApiKeysManage>,
    id: PathId<ApiKeyId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .read(ReadPlan::new("api_keys.get").uncached(), &query, async |tx| {
            let row = service::get(tx, id).await?;
            Ok::<_, ApiKeyError>(ApiKeyView::at(tx.now(), row))
        })
        .await
}

/// Revokes a key: it is refused from now on.
#[utoipa::path(tag = "api-keys", summary = "Revokes an API key", operation_id = "revoke_api_key",
    security(("bearer" = ["api_keys:manage"])), params(("id" = ApiKeyId, Path)),
    responses((status = 204, description = "It was revoked.")))]
#[delete("/api-keys/{id}")]
async fn revoke_api_key(caller: Authorized<ApiKeysManage>, id: PathId<ApiKeyId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    caller
        .write(async |tx| {
            service::revoke(tx, id, caller.if_match()).await?;
            Ok::<_, ApiKeyError>(Reply::no_content())
        })
        .await
}
