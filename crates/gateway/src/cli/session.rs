//! What commands that work on clinics share: settings, the parts put together, a runtime, and the clinic meant.

use std::future::Future;
use std::sync::Arc;

use db::schema::clinics;
use db::{Db, DbError, LookupBy, QueryResultExt as _};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::text::Slug;
use kernel::{ClinicId, SystemClock};

use super::Failure;
use crate::config::Config;
use crate::shared::Shared;
use crate::workflows::STALE;

/// The parts that `config` describes, on the machine's clock.
pub(crate) fn shared(config: Config) -> Result<Shared, Failure> {
    Shared::new(config, Arc::new(SystemClock)).map_err(Failure::usage)
}

/// Loads the settings and runs `work` on a runtime of its own, with a database of the server's role.
pub(crate) fn with_database<T, W>(work: impl FnOnce(Shared, Db) -> W) -> Result<T, Failure>
where
    W: Future<Output = Result<T, Failure>>,
{
    let config = Config::load().map_err(Failure::usage)?;
    let shared = shared(config)?;
    actix_web::rt::System::new().block_on(async move {
        // Servers that run keep answers; what a command changes must not leave them as they are.
        let db = shared.worker_db().telling_by_queue(STALE);
        db.ping().await.map_err(|error| {
            Failure::failed(format!(
                "{error}; is the database running, and is TASKMED_DATABASE_URL right?"
            ))
        })?;
        work(shared, db).await
    })
}

/// A clinic that was named on the command line.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = clinics)]
pub(crate) struct NamedClinic {
    /// Its id.
    pub(crate) id: ClinicId,
}

/// The clinic with the slug `slug`.
pub(crate) async fn clinic_named(db: &Db, slug: Slug) -> Result<NamedClinic, Failure> {
    let found: Result<Option<NamedClinic>, DbError> = db
        .lookup(LookupBy::Clinic(slug.clone()), async |lookup| {
            clinics::table
                .filter(clinics::slug.eq(&slug))
                .select(NamedClinic::as_select())
                .first(&mut lookup.conn())
                .await
                .optional()
                .or_database()
        })
        .await;
    found.map_err(Failure::failed)?.ok_or_else(|| {
        Failure::failed(format!(
            "there is no clinic {slug}; make it with `taskmed clinic create --slug {slug} --name …`"
        ))
    })
}
