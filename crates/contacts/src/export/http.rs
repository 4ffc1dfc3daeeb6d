//! Exports over HTTP.

use actix_web::http::header;
use actix_web::{HttpResponse, get};
use bytes::Bytes;
use db::{Db, DbError};
use futures_util::stream::{self, Stream};
use kernel::{ContactId, FieldErrors, Principal};
use rest::permissions::ContactsExport;
use rest::{AuditRecord, Authorized, Problem, Query};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::render::{ExportFormat, RenderError};
use super::store;

pub(crate) fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(export_contacts);
}

/// What to export.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct ExportParams {
    /// A table or lines of JSON; a table when not given.
    #[param(inline, value_type = Option<ExportFormat>)]
    format: Option<String>,
}

/// Exports every contact that is not archived, as a table or as lines of JSON.
///
/// The answer is streamed while it is read: a contact that is changed meanwhile is in it as it was or as it is. A cell that a
/// spreadsheet would run as a formula (beginning with `=`, `+`, `-` or `@`) has an apostrophe before it, which the import
/// takes away again.
#[utoipa::path(tag = "contacts", summary = "Exports contacts", operation_id = "export_contacts",
    security(("bearer" = ["contacts:export"])), params(ExportParams),
    responses((status = 200, description = "The contacts, streamed.",
        content((String = "text/csv"), (String = "application/x-ndjson")))))]
#[get("/contacts/export")]
async fn export_contacts(
    caller: Authorized<ContactsExport>,
    query: Query<ExportParams>,
) -> Result<HttpResponse, Problem> {
    let format = match query.format.as_deref().map(ExportFormat::parse).transpose() {
        Ok(format) => format.unwrap_or(ExportFormat::Csv),
        Err(error) => return Err(FieldErrors::one("format", error.code(), error).into()),
    };
    // Written before the first byte goes out: what left the house is known even if the stream is cut off.
    caller
        .db()
        .write(&*caller, async |tx| {
            let record = AuditRecord::over("contacts.export", "contact");
            tx.audit(record.with_detail(json!({"format": format})));
            Ok::<_, DbError>(())
        })
        .await?;
    let heading = format.heading().map_err(|error| Problem::internal(&error))?;
    let parts = parts(caller.db().clone(), Principal::clone(&caller), format, heading);
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"contacts.{format}\""),
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(parts))
}

/// Why a stream was cut off.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// Where a stream stands.
enum Place {
    Heading(Bytes),
    After(Option<ContactId>),
    End,
}

/// The export in parts. Each part is a read of its own, so that no transaction and no connection is held while the client takes
/// its time.
fn parts(
    db: Db,
    caller: Principal,
    format: ExportFormat,
    heading: Bytes,
) -> impl Stream<Item = Result<Bytes, ExportError>> {
    stream::try_unfold(
        (db, caller, Place::Heading(heading)),
        move |(db, caller, place)| async move {
            let after = match place {
                Place::End => return Ok(None),
                Place::Heading(heading) => return Ok(Some((heading, (db, caller, Place::After(None))))),
                Place::After(after) => after,
            };
            let contacts = db.read(&caller, async |tx| store::part(tx, after).await).await?;
            let is_last = i64::try_from(contacts.len()).is_ok_and(|count| count < store::AT_ONCE);
            let next = match contacts.last() {
                Some(last) if !is_last => Place::After(Some(last.columns.id)),
                _ => Place::End,
            };
            Ok(Some((format.rows(contacts)?, (db, caller, next))))
        },
    )
}
