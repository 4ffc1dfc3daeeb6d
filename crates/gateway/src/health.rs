//! Whether the process lives and whether it can serve, for balancers and supervisors.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use rest::Rest;
use serde::Serialize;

use crate::shared::Shared;

/// How long Redis may take to answer a probe.
const REDIS_PATIENCE: Duration = Duration::from_millis(200);

/// What a probe is told.
#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    /// `ok`, or `unavailable`: then the server cannot serve.
    database: &'static str,
    /// `ok`, `absent` where none is set, or `unavailable`: the server serves all the same.
    redis: &'static str,
}

/// The process answers.
#[get("/healthz")]
async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

/// The process can serve: it is not leaving, and its database answers.
#[get("/readyz")]
async fn ready(shared: Data<Shared>, rest: Data<Rest>) -> HttpResponse {
    let (database, redis) = futures_util::join!(database_health(&rest), redis_health(&shared));
    let (status, word) = match (shared.is_ready(), database) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "leaving"),
        (true, "ok") => (StatusCode::OK, "ok"),
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    HttpResponse::build(status).json(Health {
        status: word,
        database,
        redis,
    })
}

async fn database_health(rest: &Rest) -> &'static str {
    match rest.db.ping().await {
        Ok(()) => "ok",
        Err(error) => {
            tracing::warn!(%error, "the database does not answer");
            "unavailable"
        }
    }
}

async fn redis_health(shared: &Shared) -> &'static str {
    let Some(pool) = shared.redis() else {
        return "absent";
    };
    let ping = async {
        let mut connection = pool.get().await.ok()?;
        deadpool_redis::redis::cmd("PING")
            .query_async::<String>(&mut connection)
            .await
            .ok()
    };
    match tokio::time::timeout(REDIS_PATIENCE, ping).await {
        Ok(Some(_pong)) => "ok",
        _ => "unavailable",
    }
}

/// `/healthz` and `/readyz`.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(live).service(ready);
}
