//! Rules of the keys of integrations.

use auth::ApiKeyToken;
use db::{AuditRecord, TenantRead, TenantTx};
use kernel::{ApiKeyId, Permission, PermissionSet, Principal, Version};
use serde_json::json;

use super::error::ApiKeyError;
use super::model::{ApiKey, IssuedApiKey, NewApiKey, lacking};
use super::store;
use crate::sessions::signed_in_user;
use crate::tags;

/// Makes a key and gives its secret.
pub(super) async fn create(
    tx: &mut TenantTx<'_>,
    principal: &Principal,
    new: &NewApiKey,
) -> Result<IssuedApiKey, ApiKeyError> {
    let maker = signed_in_user(principal)?;
    let lacking = lacking(principal.permissions(), new.permissions);
    if lacking != PermissionSet::NONE {
        return Err(ApiKeyError::NotGrantable(lacking));
    }
    let token = ApiKeyToken::generate(tx.clinic())?;
    let row = store::insert(tx, new, &token, maker.membership).await?;
    let permissions: Vec<_> = new.permissions.iter().map(Permission::name).collect();
    let record = AuditRecord::new("api_keys.create", "api_key", row.id.as_uuid());
    tx.audit(record.with_detail(json!({"permissions": permissions})));
    Ok(IssuedApiKey {
        row,
        secret: token.reveal(),
    })
}

/// The key, without its secret.
pub(super) async fn get(tx: &TenantRead<'_>, id: ApiKeyId) -> Result<ApiKey, ApiKeyError> {
    store::find(tx, id).await?.ok_or(ApiKeyError::NotFound)
}

/// Revokes a key. One that was revoked already stays so.
pub(super) async fn revoke(tx: &mut TenantTx<'_>, id: ApiKeyId, expected: Option<Version>) -> Result<(), ApiKeyError> {
    let key = store::lock(tx, id).await?.ok_or(ApiKeyError::NotFound)?;
    if expected.is_some_and(|expected| expected != key.version) {
        return Err(ApiKeyError::VersionMismatch);
    }
    if key.archived_at.is_none() {
        store::archive(tx, id).await?;
        tx.touch(tags::api_key(id));
        tx.audit(AuditRecord::new("api_keys.revoke", "api_key", id.as_uuid()));
    }
    Ok(())
}
