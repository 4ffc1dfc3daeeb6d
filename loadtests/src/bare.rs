//! The ceiling of a cached read: a server of the same kind that answers with the same bytes and does nothing else.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer};

/// Answers by name, read once.
type Answers = Arc<HashMap<String, Bytes>>;

/// The files of `directory`, by name.
///
/// # Errors
/// When a file cannot be read.
pub fn answers(directory: &Path) -> io::Result<Answers> {
    let mut answers = HashMap::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        answers.insert(name, Bytes::from(fs::read(entry.path())?));
    }
    Ok(Arc::new(answers))
}

/// Serves `GET /{name}` on `address` with `workers` threads until it is told to stop.
///
/// # Errors
/// When the address is not to be had.
pub async fn serve(answers: Answers, address: SocketAddr, workers: usize) -> io::Result<()> {
    HttpServer::new(move || {
        App::new()
            .app_data(Data::new(Arc::clone(&answers)))
            .route("/{name}", web::get().to(answer))
    })
    .workers(workers)
    .bind(address)?
    .run()
    .await
}

async fn answer(name: web::Path<String>, answers: Data<Answers>) -> HttpResponse {
    match answers.get(name.as_str()) {
        Some(body) => HttpResponse::Ok().content_type("application/json").body(body.clone()),
        None => HttpResponse::NotFound().finish(),
    }
}
