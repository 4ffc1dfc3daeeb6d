//! SQL of the keys of integrations.

use auth::ApiKeyToken;
use db::schema::api_keys;
use db::{DbError, QueryResultExt as _, TenantRead, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ApiKeyId, MembershipId, Permission, Timestamp};
use rest::Paging;

use super::model::{ApiKey, ApiKeyPosition, ApiKeyStatus, NewApiKey};
use crate::resource::keyset::changed_since;

pub(super) async fn insert(
    tx: &TenantTx<'_>,
    new: &NewApiKey,
    token: &ApiKeyToken,
    created_by: MembershipId,
) -> Result<ApiKey, DbError> {
    let permissions: Vec<&str> = new.permissions.iter().map(Permission::name).collect();
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::clinic_id.eq(tx.clinic()),
            api_keys::id.eq(ApiKeyId::new_at(tx.now())),
            api_keys::name.eq(&new.name),
            api_keys::secret_hash.eq(token.hash().as_bytes()),
            api_keys::secret_hint.eq(token.hint()),
            api_keys::permissions.eq(permissions),
            api_keys::created_by.eq(created_by),
            api_keys::expires_at.eq(new.expires_at),
            api_keys::created_at.eq(tx.now()),
        ))
        .returning(ApiKey::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

pub(super) async fn find(tx: &TenantRead<'_>, id: ApiKeyId) -> Result<Option<ApiKey>, DbError> {
    api_keys::table
        .filter(api_keys::clinic_id.eq(tx.clinic()).and(api_keys::id.eq(id)))
        .select(ApiKey::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The row, kept from other writers until the transaction ends.
pub(super) async fn lock(tx: &TenantTx<'_>, id: ApiKeyId) -> Result<Option<ApiKey>, DbError> {
    api_keys::table
        .filter(api_keys::clinic_id.eq(tx.clinic()).and(api_keys::id.eq(id)))
        .select(ApiKey::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// A page of the keys, the newest first.
pub(super) async fn list(
    tx: &TenantRead<'_>,
    status: Option<ApiKeyStatus>,
    updated_since: Option<Timestamp>,
    paging: &Paging<ApiKeyPosition>,
) -> Result<Vec<ApiKey>, DbError> {
    let query = api_keys::table
        .filter(api_keys::clinic_id.eq(tx.clinic()))
        .order(api_keys::id.desc())
        .limit(paging.fetch())
        .select(ApiKey::as_select())
        .into_boxed::<diesel::pg::Pg>();
    let query = match status {
        None => query,
        Some(ApiKeyStatus::Archived) => query.filter(api_keys::archived_at.is_not_null()),
        Some(ApiKeyStatus::Expired) => query
            .filter(api_keys::archived_at.is_null())
            .filter(api_keys::expires_at.le(tx.now())),
        Some(ApiKeyStatus::Active) => query
            .filter(api_keys::archived_at.is_null())
            .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(tx.now()))),
    };
    let query = changed_since!(query, api_keys, updated_since);
    let query = match paging.after() {
        None => query,
        Some(after) => query.filter(api_keys::id.lt(after.id)),
    };
    query.load(&mut tx.conn()).await.or_database()
}

/// Revokes the key.
pub(super) async fn archive(tx: &TenantTx<'_>, id: ApiKeyId) -> Result<(), DbError> {
    diesel::update(api_keys::table)
        .filter(api_keys::clinic_id.eq(tx.clinic()).and(api_keys::id.eq(id)))
        .set(api_keys::archived_at.eq(tx.now()))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}
