//! Imports over HTTP.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use db::TenantTx;
use files::Files;
use kernel::{FieldErrors, ImportId, Principal, Version};
use rest::permissions::ImportsRun;
use rest::{
    AuditRecord, Authorized, ListParams, ListQuery, Page, PathId, Problem, Query, ReadPlan, Reply, RowQuery, Upload,
    Valid,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tabular::ReadOptions;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::analysis::{self, AnalysisError};
use super::error::ImportError;
use super::model::{Import, ImportStatus, ImportWork, RowKind};
use super::row_store::{self, RowPosition};
use super::settings::UpdateImport;
use super::store::{self, Change, ImportPosition};
use super::upload::{self, UploadParams};
use super::view::{ImportRowView, ImportView};
use super::{control, report};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(upload_import)
        .service(list_imports)
        .service(get_import)
        .service(update_import)
        .service(rehearse_import)
        .service(start_import)
        .service(pause_import)
        .service(cancel_import)
        .service(undo_import)
        .service(list_import_rows)
        .service(download_import_report);
}

/// Takes a file in, up to 50 MiB, and finds out how to read it: encoding, delimiter, and which column holds what.
///
/// Nothing is imported yet: what was found out can be corrected (`PATCH`), tried (`dry-run`) and begun (`start`). A file with the
/// content of one that was imported already is refused, unless `again` is said.
#[utoipa::path(tag = "imports", summary = "Uploads a file to import", operation_id = "upload_import",
    security(("bearer" = ["imports:run"])), params(UploadParams),
    request_body(content = String, content_type = "text/csv", description = "The file, as it is."),
    responses((status = 201, body = ImportView),
        (status = 408, body = Problem, description = "`upload_too_slow`"),
        (status = 409, body = Problem, description = "`already_imported`: `import_id` has the same content"),
        (status = 413, body = Problem, description = "The file has more than 50 MiB."),
        (status = 415, body = Problem, description = "Send `text/csv` or `application/octet-stream`."),
        (status = 422, body = Problem, description = "`empty_file`, `not_csv`, `bad_heading`, `no_rows`, `too_many_columns`, \
            `too_many_rows`")))]
#[post("/imports")]
async fn upload_import(
    caller: Authorized<ImportsRun>,
    params: Query<UploadParams>,
    files: Data<Files>,
    request: HttpRequest,
    body: Upload,
) -> Result<HttpResponse, Problem> {
    upload::take_in(&caller, &files, &params, &request, body).await
}

/// Which imports to list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct ImportFilter {
    /// Only those that stand so.
    #[param(inline, value_type = Option<ImportStatus>)]
    status: Option<String>,
}

/// Lists the clinic's imports, the newest first.
#[utoipa::path(tag = "imports", summary = "Lists imports", operation_id = "list_imports",
    security(("bearer" = ["imports:run"])), params(ListParams, ImportFilter),
    responses((status = 200, body = Page<ImportView>)))]
#[get("/imports")]
async fn list_imports(caller: Authorized<ImportsRun>, list: ListQuery<ImportFilter>) -> Result<HttpResponse, Problem> {
    list.include(&[])?;
    let status = list.filter.status.as_deref().map(ImportStatus::parse).transpose();
    let status = status.map_err(|error| FieldErrors::one("status", error.code(), error))?;
    let paging = caller.paging::<ImportPosition, _>("imports", &list, &["-created_at"])?;
    let plan = ReadPlan::new("imports.list").uncached();
    caller
        .read_page(plan, &list, async |tx| {
            let imports = store::page(tx, status, list.updated_since, &paging).await?;
            Ok::<_, ImportError>(paging.page(imports, ImportPosition::of, ImportView::from))
        })
        .await
}

/// Shows an import: how its file is read, and how far the work has come.
#[utoipa::path(tag = "imports", summary = "Shows an import", operation_id = "get_import",
    security(("bearer" = ["imports:run"])), params(("id" = ImportId, Path), RowQuery),
    responses((status = 200, body = ImportView)))]
#[get("/imports/{id}")]
async fn get_import(
    caller: Authorized<ImportsRun>,
    id: PathId<ImportId>,
    query: RowQuery,
) -> Result<HttpResponse, Problem> {
    query.include(&[])?;
    let id = id.into_inner();
    caller
        .read(ReadPlan::new("imports.get").uncached(), &query, async |tx| {
            control::get(tx, id).await.map(ImportView::from)
        })
        .await
}

/// Corrects how a file is read, or says what holds for its rows, before the import has begun. What was rehearsed is to be rehearsed
/// again.
#[utoipa::path(tag = "imports", summary = "Changes an import", operation_id = "update_import",
    security(("bearer" = ["imports:run"])), params(("id" = ImportId, Path)), request_body = UpdateImport,
    responses((status = 200, body = ImportView),
        (status = 409, body = Problem, description = "`illegal_move` once it has begun; `file_removed`")))]
#[patch("/imports/{id}")]
async fn update_import(
    caller: Authorized<ImportsRun>,
    id: PathId<ImportId>,
    files: Data<Files>,
    body: Valid<UpdateImport>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let import = caller
        .db()
        .read(&*caller, async |tx| control::get(tx, id).await)
        .await?;
    if caller.if_match().is_some_and(|expected| expected != import.version) {
        return Err(ImportError::VersionMismatch.into());
    }
    check_open(&import)?;
    let changed = body.into_inner().applied_to(import.settings())?;
    let found = if changed.encoding.is_some() || changed.delimiter.is_some() {
        let (encoding, delimiter) = import.format();
        let told = ReadOptions {
            encoding: Some(changed.encoding.unwrap_or(encoding)),
            delimiter: Some(changed.delimiter.unwrap_or(delimiter)),
        };
        let found = analysis::analyse(&files, &import.file(), told).await;
        Some(found.map_err(|error| match error {
            AnalysisError::NotATable(error) => ImportError::NotATable(error),
            AnalysisError::Files(error) => ImportError::Files(error),
        })?)
    } else {
        None
    };
    caller
        .write(async |tx| {
            // What was read above is what is changed.
            let import = control::lock(tx, id, Some(import.version)).await?;
            check_open(&import)?;
            row_store::remove(tx, id).await?;
            let import = store::update(tx, id, Change::read_as(found.as_ref(), &changed.settings)?).await?;
            tx.audit(AuditRecord::new("imports.update", "import", id.as_uuid()));
            Ok::<_, ImportError>(Reply::ok(ImportView::from(import)))
        })
        .await
}

/// Refuses once rows were brought in.
fn check_open(import: &Import) -> Result<(), ImportError> {
    if import.file_removed_at.is_some() {
        return Err(ImportError::FileRemoved);
    }
    match import.status {
        ImportStatus::Analysed | ImportStatus::Rehearsed => Ok(()),
        // It failed for what was said about it, which can be mended.
        ImportStatus::Failed if import.rows_done == 0 => Ok(()),
        status => Err(ImportError::IllegalMove { status }),
    }
}

/// How to begin.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct StartParams {
    /// Whether to begin although a file with the same content was imported already.
    again: bool,
}

/// Answers 202 with the import that `act` has moved.
async fn moved(
    caller: &Authorized<ImportsRun>,
    act: impl AsyncFn(&mut TenantTx<'_>, Option<Version>) -> Result<Import, ImportError>,
) -> Result<HttpResponse, Problem> {
    let expected = caller.if_match();
    caller
        .write(async |tx| {
            let import = act(tx, expected).await?;
            Ok::<_, ImportError>(Reply::accepted(ImportView::from(import)))
        })
        .await
}

/// Tries every row and keeps nothing: what would become of each is in its rows then. Each part of the file is tried for itself, so
/// two rows of different parts that want the same time may both be found good.
#[utoipa::path(tag = "imports", summary = "Rehearses an import", operation_id = "rehearse_import",
    security(("bearer" = ["imports:run"])), params(("id" = ImportId, Path)),
    responses((status = 202, body = ImportView),
        (status = 409, body = Problem, description = "`illegal_move`, `file_removed`")))]
#[post("/imports/{id}/dry-run")]
async fn rehearse_import(caller: Authorized<ImportsRun>, id: PathId<ImportId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    moved(&caller, async |tx, expected| {
        control::start(tx, id, expected, ImportWork::Rehearsal, false).await
    })
    .await
}

/// Has the rows brought in, or goes on where that was paused or had failed. One import of a clinic is at work at a time; others wait
/// for their turn.
#[utoipa::path(tag = "imports", summary = "Starts an import", operation_id = "start_import",
    security(("bearer" = ["imports:run"])), params(("id" = ImportId, Path), StartParams),
    responses((status = 202, body = ImportView),
        (status = 409, body = Problem, description = "`already_imported`, `illegal_move`, `file_removed`")))]
#[post("/imports/{id}/start")]
async fn start_import(
    caller: Authorized<ImportsRun>,
    id: PathId<ImportId>,
    params: Query<StartParams>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    moved(&caller, async |tx, expected| {
        control::start(tx, id, expected, ImportWork::Import, params.again).await
    })
    .await
}

/// Has the work wait. The part under way, some dozens of rows, is finished or not done at all.
#[utoipa::path(tag = "imports", summary = "Pauses an import", operation_id = "pause_import",
    security(("bearer" = ["imports:run"])), params(("id" = ImportId, Path)),
    responses((status = 202, body = ImportView), (status = 409, body = Problem, description = "`illegal_move`")))]
#[post("/imports/{id}/pause")]
async fn pause_import(caller: Authorized<ImportsRun>, id: PathId<ImportId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    moved(&caller, async |tx, expected| control::pause(tx, id, expected).await).await
}

/// Calls an import off. What is in stays in, and can be undone.
#[utoipa::path(tag = "imports", summary = "Cancels an import", operation_id = "cancel_import",
    security(("bearer" = ["imports:run"])), params(("id" = ImportId, Path)),
    responses((status = 202, body = ImportView), (status = 409, body = Problem, description = "`illegal_move`")))]
#[post("/imports/{id}/cancel")]
async fn cancel_import(caller: Authorized<ImportsRun>, id: PathId<ImportId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    moved(&caller, async |tx, expected| control::cancel(tx, id, expected).await).await
}

/// Takes back what an import made: contacts are archived, appointments removed. What somebody has changed since, or what is in use,
/// stays; the rows say so (`taken_back`).
#[utoipa::path(tag = "imports", summary = "Undoes an import", operation_id = "undo_import",
    security(("bearer" = ["imports:run"])), params(("id" = ImportId, Path)),
    responses((status = 202, body = ImportView),
        (status = 409, body = Problem, description = "`illegal_move`, or `file_removed` after 30 days")))]
#[post("/imports/{id}/undo")]
async fn undo_import(caller: Authorized<ImportsRun>, id: PathId<ImportId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    moved(&caller, async |tx, expected| {
        control::start(tx, id, expected, ImportWork::Undo, false).await
    })
    .await
}

/// Which rows.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct RowFilter {
    /// Only those that came to this.
    #[param(inline, value_type = Option<RowKind>)]
    outcome: Option<String>,
}

impl RowFilter {
    fn outcome(&self) -> Result<Option<RowKind>, Problem> {
        let parsed = self.outcome.as_deref().map(RowKind::parse).transpose();
        parsed.map_err(|error| FieldErrors::one("outcome", error.code(), error).into())
    }
}

/// Lists what became of an import's rows, in the order of the file.
#[utoipa::path(tag = "imports", summary = "Lists an import's rows", operation_id = "list_import_rows",
    security(("bearer" = ["imports:run"])), params(("id" = ImportId, Path), ListParams, RowFilter),
    responses((status = 200, body = Page<ImportRowView>)))]
#[get("/imports/{id}/rows")]
async fn list_import_rows(
    caller: Authorized<ImportsRun>,
    id: PathId<ImportId>,
    list: ListQuery<RowFilter>,
) -> Result<HttpResponse, Problem> {
    list.include(&[])?;
    let id = id.into_inner();
    let outcome = list.filter.outcome()?;
    let paging = caller.paging::<RowPosition, _>("imports.rows", &list, &["line"])?;
    let plan =
        ReadPlan::new("imports.rows")
            .uncached()
            .audit(AuditRecord::new("imports.read_rows", "import", id.as_uuid()));
    caller
        .read_page(plan, &list, async |tx| {
            control::get(tx, id).await?;
            let rows = row_store::page(tx, id, outcome, &paging).await?;
            Ok::<_, ImportError>(paging.page(rows, RowPosition::of, ImportRowView::from))
        })
        .await
}

/// Downloads what became of an import's rows as a table. A cell that a spreadsheet would run as a formula has an apostrophe before it.
#[utoipa::path(tag = "imports", summary = "Downloads an import's report", operation_id = "download_import_report",
    security(("bearer" = ["imports:run"])), params(("id" = ImportId, Path), RowFilter),
    responses((status = 200, description = "The rows, streamed.", content((String = "text/csv")))))]
#[get("/imports/{id}/report.csv")]
async fn download_import_report(
    caller: Authorized<ImportsRun>,
    id: PathId<ImportId>,
    filter: Query<RowFilter>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let outcome = filter.outcome()?;
    // Written before the first byte goes out, as the export's is.
    caller
        .db()
        .write(&*caller, async |tx| {
            control::get(tx, id).await?;
            let record = AuditRecord::new("imports.download_report", "import", id.as_uuid());
            tx.audit(record.with_detail(json!({"outcome": outcome})));
            Ok::<_, ImportError>(())
        })
        .await?;
    let parts = report::parts(caller.db().clone(), Principal::clone(&caller), id, outcome);
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"import-{id}.csv\""),
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(parts))
}
