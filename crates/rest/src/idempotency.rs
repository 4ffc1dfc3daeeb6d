//! Writes, and requests that are repeated: the answer of a committed write is kept in its transaction and given again.
//!
//! Follows the Internet-Draft "The Idempotency-Key HTTP Header Field": the key is locked while its first request is in
//! flight, only what was committed is kept, and the same key with another request is refused.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpResponse};
use auth::{ClinicKeys, SealingError};
use aws_lc_rs::digest;
use bytes::Bytes;
use chrono::TimeDelta;
use db::schema::functions::pg_try_advisory_xact_lock;
use db::schema::idempotency_keys;
use db::{AuditRecord, DbError, TenantTx, TxError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Actor, Caller, ClinicId, Timestamp};
use uuid::Uuid;

use crate::body::BodyHash;
use crate::caller::Authorized;
use crate::problem::Problem;
use crate::reply::{Reply, ReplyHeader};

const KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotency-replayed");
const LONGEST_KEY: usize = 255;
const KEPT_FOR: TimeDelta = TimeDelta::hours(24);

/// One request that may be repeated.
struct RepeatableRequest {
    actor: Uuid,
    key: String,
    /// Of method, path, query and body.
    fingerprint: Vec<u8>,
    lock: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = idempotency_keys)]
struct KeptReply {
    fingerprint: Vec<u8>,
    status: i16,
    headers: serde_json::Value,
    sealed_body: Vec<u8>,
    expires_at: Timestamp,
}

#[derive(Insertable)]
#[diesel(table_name = idempotency_keys)]
struct NewKeptReply<'r> {
    clinic_id: ClinicId,
    actor_id: Uuid,
    key: &'r str,
    fingerprint: &'r [u8],
    status: i16,
    headers: serde_json::Value,
    sealed_body: Vec<u8>,
    expires_at: Timestamp,
}

/// Why a repeatable write came to nothing.
enum WriteError<E> {
    Work(E),
    InFlight,
    KeyReused,
    Unreadable,
    Sealing(SealingError),
    Database(DbError),
}

impl<E> From<DbError> for WriteError<E> {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl<E: TxError> TxError for WriteError<E> {
    fn db_error(&self) -> Option<&DbError> {
        match self {
            Self::Work(error) => error.db_error(),
            Self::Database(error) => Some(error),
            Self::Sealing(error) => error.db_error(),
            Self::InFlight | Self::KeyReused | Self::Unreadable => None,
        }
    }
}

impl<E: Into<Problem>> From<WriteError<E>> for Problem {
    fn from(error: WriteError<E>) -> Self {
        match error {
            WriteError::Work(error) => error.into(),
            WriteError::InFlight => Self::conflict(
                "idempotency_in_flight",
                "a request with this Idempotency-Key is being served just now; ask again in a moment",
            ),
            WriteError::KeyReused => Self::unprocessable(
                "idempotency_key_reused",
                "this Idempotency-Key was used for another request; take a new key for a new request",
            ),
            WriteError::Unreadable => Self::unavailable(),
            WriteError::Sealing(error) => Self::internal(&error),
            WriteError::Database(error) => error.into(),
        }
    }
}

impl<D> Authorized<D> {
    /// Writes by `work` in one transaction and answers with its reply.
    ///
    /// With an `Idempotency-Key` the reply is kept in the same transaction and given again to a repeated request.
    ///
    /// # Errors
    /// What `work` ends with; 409 while the same key is in flight; 422 when it was used for another request.
    pub async fn write<E: TxError + Into<Problem>>(
        &self,
        work: impl AsyncFn(&mut TenantTx<'_>) -> Result<Reply, E>,
    ) -> Result<HttpResponse, Problem> {
        let Some(request) = self.repeatable_request()? else {
            return self.write_unrecorded(work).await;
        };
        let keys = &self.rest.clinic_keys;
        let (reply, replayed) = self
            .rest
            .db
            .write(&self.principal, async |tx: &mut TenantTx<'_>| {
                if let Some(kept) = begin(tx, &request).await? {
                    // What was answered then is read again now.
                    tx.audit(AuditRecord::over("requests.replay", "idempotency_key"));
                    return Ok((reopen(tx, keys, &request, kept).await?, true));
                }
                let reply = work(tx).await.map_err(WriteError::Work)?;
                if reply.fault.is_none() {
                    keep(tx, keys, &request, &reply).await?;
                }
                Ok::<_, WriteError<E>>((reply, false))
            })
            .await?;
        let mut response = reply.into_response()?;
        if replayed {
            response
                .headers_mut()
                .insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    /// Writes by `work` and keeps no answer: for what must never be given twice, such as tokens and keys.
    ///
    /// # Errors
    /// What `work` ends with.
    pub async fn write_unrecorded<E: TxError + Into<Problem>>(
        &self,
        work: impl AsyncFn(&mut TenantTx<'_>) -> Result<Reply, E>,
    ) -> Result<HttpResponse, Problem> {
        self.rest
            .db
            .write(&self.principal, work)
            .await
            .map_err(Into::into)?
            .into_response()
    }

    /// This request as one that may be repeated, when it carries a key.
    fn repeatable_request(&self) -> Result<Option<RepeatableRequest>, Problem> {
        let Some(value) = self.request.headers().get(KEY_HEADER) else {
            return Ok(None);
        };
        let key = value
            .to_str()
            .ok()
            .filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY)
            .ok_or_else(|| {
                Problem::bad_request(
                    "invalid_idempotency_key",
                    "an Idempotency-Key has 1 to 255 visible ASCII characters",
                )
            })?;
        let actor = match self.principal.actor() {
            Actor::User { user, .. } => *user.as_uuid(),
            Actor::ApiKey { key } => *key.as_uuid(),
            Actor::System { .. } => Uuid::nil(),
        };
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [
            self.request.method().as_str(),
            self.request.path(),
            self.request.query_string(),
        ] {
            context.update(part.as_bytes());
            context.update(&[0]);
        }
        if let Some(BodyHash(hash)) = self.request.extensions().get::<BodyHash>() {
            context.update(hash);
        }
        let fingerprint = context.finish().as_ref().to_vec();
        let lock = lock_of(self.principal.clinic(), actor, key);
        Ok(Some(RepeatableRequest {
            actor,
            key: key.to_owned(),
            fingerprint,
            lock,
        }))
    }
}

/// The number of the lock on a key; two keys that share one by chance only wait for each other's answer.
fn lock_of(clinic: ClinicId, actor: Uuid, key: &str) -> i64 {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(clinic.as_uuid().as_bytes());
    context.update(actor.as_bytes());
    context.update(key.as_bytes());
    let hash = context.finish();
    hash.as_ref()
        .first_chunk::<8>()
        .map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

/// Locks the key and looks for a kept answer, both in one round trip.
async fn begin<E>(tx: &TenantTx<'_>, request: &RepeatableRequest) -> Result<Option<KeptReply>, WriteError<E>> {
    let connection = tx.conn();
    let (mut for_lock, mut for_reply) = (connection, connection);
    let locked = diesel::select(pg_try_advisory_xact_lock(request.lock)).get_result::<bool>(&mut for_lock);
    let kept = idempotency_keys::table
        .filter(idempotency_keys::clinic_id.eq(tx.clinic()))
        .filter(idempotency_keys::actor_id.eq(request.actor))
        .filter(idempotency_keys::key.eq(&request.key))
        .select(KeptReply::as_select())
        .first(&mut for_reply);
    let (locked, kept) = futures_util::join!(locked, kept);
    if !locked.map_err(DbError::from)? {
        return Err(WriteError::InFlight);
    }
    match kept.optional().map_err(DbError::from)? {
        Some(kept) if kept.expires_at <= tx.now() => {
            forget(tx, request).await?;
            Ok(None)
        }
        Some(kept) if kept.fingerprint != request.fingerprint => Err(WriteError::KeyReused),
        kept => Ok(kept),
    }
}

/// Removes an expired answer, which makes room for another under the same key.
async fn forget(tx: &TenantTx<'_>, request: &RepeatableRequest) -> Result<(), DbError> {
    let expired = idempotency_keys::table
        .filter(idempotency_keys::clinic_id.eq(tx.clinic()))
        .filter(idempotency_keys::actor_id.eq(request.actor))
        .filter(idempotency_keys::key.eq(&request.key));
    diesel::delete(expired).execute(&mut tx.conn()).await?;
    Ok(())
}

/// The table, column and row that a kept body is sealed for.
fn sealed_for(request: &RepeatableRequest) -> String {
    format!("idempotency_keys.sealed_body/{}/{}", request.actor, request.key)
}

async fn reopen<E>(
    tx: &TenantTx<'_>,
    keys: &ClinicKeys,
    request: &RepeatableRequest,
    kept: KeptReply,
) -> Result<Reply, WriteError<E>> {
    let sealer = keys.sealer(tx).await.map_err(WriteError::Sealing)?;
    let body = sealer
        .open(&sealed_for(request), &kept.sealed_body)
        .map_err(WriteError::Sealing)?;
    let status = u16::try_from(kept.status)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok());
    let headers: Option<Vec<ReplyHeader>> = serde_json::from_value(kept.headers).ok();
    match (status, headers) {
        (Some(status), Some(headers)) => Ok(Reply {
            status,
            headers,
            body: Bytes::copy_from_slice(&body),
            fault: None,
        }),
        _ => Err(WriteError::Unreadable),
    }
}

async fn keep<E>(
    tx: &TenantTx<'_>,
    keys: &ClinicKeys,
    request: &RepeatableRequest,
    reply: &Reply,
) -> Result<(), WriteError<E>> {
    let sealer = keys.sealer(tx).await.map_err(WriteError::Sealing)?;
    let sealed_body = sealer
        .seal(&sealed_for(request), &reply.body)
        .map_err(WriteError::Sealing)?;
    let row = NewKeptReply {
        clinic_id: tx.clinic(),
        actor_id: request.actor,
        key: &request.key,
        fingerprint: &request.fingerprint,
        status: i16::try_from(reply.status.as_u16()).unwrap_or(i16::MAX),
        headers: serde_json::to_value(&reply.headers).unwrap_or_default(),
        sealed_body,
        expires_at: tx.now().saturating_add(KEPT_FOR),
    };
    diesel::insert_into(idempotency_keys::table)
        .values(&row)
        .execute(&mut tx.conn())
        .await
        .map_err(DbError::from)?;
    Ok(())
}
