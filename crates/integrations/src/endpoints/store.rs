//! The SQL of endpoints.

use db::schema::functions::oldest_open_transaction;
use db::schema::webhook_endpoints;
use db::{DbError, QueryResultExt as _, TenantRead};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Permission, Timestamp, WebhookEndpointId};
use rest::Paging;

use super::error::EndpointError;
use super::model::{Endpoint, EndpointChange, EndpointPosition, EndpointStatus, NewEndpoint};
use crate::catalogue::choices_of;

/// Inserts an endpoint that may hear what `permissions` open, with its sealed secret.
pub(super) async fn insert(
    tx: &TenantRead<'_>,
    id: WebhookEndpointId,
    new: &NewEndpoint,
    permissions: &[&str],
    secret: &[u8],
) -> Result<Endpoint, EndpointError> {
    diesel::insert_into(webhook_endpoints::table)
        .values((
            webhook_endpoints::clinic_id.eq(tx.clinic()),
            webhook_endpoints::id.eq(id),
            webhook_endpoints::url.eq(new.url.reveal()),
            webhook_endpoints::description.eq(new.description.as_deref()),
            webhook_endpoints::events.eq(new.events.as_slice()),
            webhook_endpoints::permissions.eq(permissions),
            webhook_endpoints::secret.eq(secret),
            webhook_endpoints::created_at.eq(tx.now()),
        ))
        .returning(Endpoint::as_returning())
        .get_result(&mut tx.conn())
        .await
        .on_constraint("webhook_endpoints_twenty", || EndpointError::TooMany)
        .on_constraint("webhook_endpoints_pkey", || EndpointError::IdTaken)
        .or_database()
}

/// The endpoint.
pub(super) async fn find(tx: &TenantRead<'_>, id: WebhookEndpointId) -> Result<Option<Endpoint>, DbError> {
    webhook_endpoints::table
        .filter(webhook_endpoints::clinic_id.eq(tx.clinic()))
        .filter(webhook_endpoints::id.eq(id))
        .select(Endpoint::as_select())
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The endpoint, where it is enabled.
pub(crate) async fn enabled(tx: &TenantRead<'_>, id: WebhookEndpointId) -> Result<Option<Endpoint>, DbError> {
    let found = find(tx, id).await?;
    Ok(found.filter(|endpoint| endpoint.status == EndpointStatus::Enabled))
}

/// How the endpoint stands, where there is one.
pub(crate) async fn status_of(tx: &TenantRead<'_>, id: WebhookEndpointId) -> Result<Option<EndpointStatus>, DbError> {
    webhook_endpoints::table
        .filter(webhook_endpoints::clinic_id.eq(tx.clinic()))
        .filter(webhook_endpoints::id.eq(id))
        .select(webhook_endpoints::status)
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The endpoint, kept from other writers until the transaction ends.
pub(super) async fn lock(tx: &TenantRead<'_>, id: WebhookEndpointId) -> Result<Option<Endpoint>, DbError> {
    webhook_endpoints::table
        .filter(webhook_endpoints::clinic_id.eq(tx.clinic()))
        .filter(webhook_endpoints::id.eq(id))
        .select(Endpoint::as_select())
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()
        .or_database()
}

/// The enabled endpoints that chose `kind` and may hear what `permission` opens.
pub(crate) async fn hearing(
    tx: &TenantRead<'_>,
    kind: &str,
    permission: Permission,
) -> Result<Vec<WebhookEndpointId>, DbError> {
    webhook_endpoints::table
        .filter(webhook_endpoints::clinic_id.eq(tx.clinic()))
        // Says no more than what follows, but the index of what is not archived serves.
        .filter(webhook_endpoints::archived_at.is_null())
        .filter(webhook_endpoints::status.eq(EndpointStatus::Enabled))
        .filter(webhook_endpoints::events.overlaps_with(choices_of(kind).to_vec()))
        .filter(webhook_endpoints::permissions.contains(vec![permission.name()]))
        .select(webhook_endpoints::id)
        .load(&mut tx.conn())
        .await
        .or_database()
}

/// A page of the endpoints, the newest first.
pub(super) async fn list(
    tx: &TenantRead<'_>,
    status: Option<EndpointStatus>,
    updated_since: Option<Timestamp>,
    paging: &Paging<EndpointPosition>,
) -> Result<Vec<Endpoint>, DbError> {
    let mut query = webhook_endpoints::table
        .filter(webhook_endpoints::clinic_id.eq(tx.clinic()))
        .order(webhook_endpoints::id.desc())
        .limit(paging.fetch())
        .select(Endpoint::as_select())
        .into_boxed::<diesel::pg::Pg>();
    query = match status {
        None => query.filter(webhook_endpoints::archived_at.is_null()),
        Some(status) => query.filter(webhook_endpoints::status.eq(status)),
    };
    if let Some(since) = updated_since {
        query = query
            .filter(webhook_endpoints::updated_at.ge(since))
            .filter(webhook_endpoints::changed_in.lt(oldest_open_transaction()));
    }
    if let Some(after) = paging.after() {
        query = query.filter(webhook_endpoints::id.lt(after.id));
    }
    query.load(&mut tx.conn()).await.or_database()
}

/// Writes `change`, which is not empty.
pub(super) async fn update(
    tx: &TenantRead<'_>,
    id: WebhookEndpointId,
    change: EndpointChange,
) -> Result<Endpoint, DbError> {
    let row = webhook_endpoints::table
        .filter(webhook_endpoints::clinic_id.eq(tx.clinic()))
        .filter(webhook_endpoints::id.eq(id));
    diesel::update(row)
        .set(change)
        .returning(Endpoint::as_returning())
        .get_result(&mut tx.conn())
        .await
        .or_database()
}

/// Notes that something came through.
pub(super) async fn clear_failing(tx: &TenantRead<'_>, id: WebhookEndpointId) -> Result<(), DbError> {
    let failing = webhook_endpoints::table
        .filter(webhook_endpoints::clinic_id.eq(tx.clinic()))
        .filter(webhook_endpoints::id.eq(id))
        .filter(webhook_endpoints::failing_since.is_not_null());
    diesel::update(failing)
        .set(webhook_endpoints::failing_since.eq(None::<Timestamp>))
        .execute(&mut tx.conn())
        .await
        .or_database::<DbError>()?;
    Ok(())
}
