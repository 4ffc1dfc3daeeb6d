//! The server's addresses, and how it fails on command.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use futures_util::stream;
use serde_json::{Value, json};

use super::answers::refuse;
use super::state::{PHONE_NUMBER_ID, State};
use super::{Failure, VERSION};

type Shared = Data<Arc<Mutex<State>>>;

/// Starts the server on a thread of its own.
pub(super) fn start(state: &Arc<Mutex<State>>) -> (SocketAddr, ServerHandle) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("a listener that does not block");
    let state = Data::new(Arc::clone(state));
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(state.clone())
                    .app_data(web::PayloadConfig::new(100 << 20))
                    .route("/media-files/{id}", web::get().to(media_file))
                    .route("/{version}/{number}/messages", web::post().to(messages))
                    .route("/{version}/{number}/media", web::post().to(upload))
                    .route("/{version}/{id}", web::get().to(media_info))
            })
            .workers(1)
            .disable_signals()
            .listen(listener)
            .expect("a listener")
            .run();
            tell.send(server.handle()).expect("the starter waits");
            server.await.expect("the server ends well");
        });
    });
    (address, told.recv().expect("the server starts"))
}

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panicked with the state")
}

/// The refusal of a call with another token or for another version, if it is one.
fn refused(request: &HttpRequest, state: &Shared) -> Option<HttpResponse> {
    let given = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if given != Some(&format!("Bearer {}", lock(state).token)) {
        let refusal = refuse(
            401,
            190,
            "Error validating access token",
            "The access token has expired.",
        );
        return Some(refusal.response());
    }
    let version = request.match_info().get("version");
    version
        .filter(|version| *version != VERSION)
        .map(|_| refuse(400, 2_635, "You are calling a deprecated version", "").response())
}

async fn messages(request: HttpRequest, body: Bytes, state: Shared) -> HttpResponse {
    if let Some(refusal) = refused(&request, &state) {
        return refusal;
    }
    if request.match_info().get("number") != Some(PHONE_NUMBER_ID) {
        return refuse(400, 100, "Unsupported post request", "no such phone number").response();
    }
    let Ok(message) = serde_json::from_slice::<Value>(&body) else {
        return refuse(400, 100, "Invalid parameter", "the body is no JSON").response();
    };
    let failure = if is_read_mark(&message) {
        lock(&state).mark_failures.pop_front()
    } else {
        lock(&state).failures.pop_front()
    };
    match failure {
        Some(Failure::Status(status, retry_after)) => {
            let mut response = HttpResponse::build(StatusCode::from_u16(status).expect("a status"));
            if let Some(seconds) = retry_after {
                response.insert_header(("Retry-After", seconds.to_string()));
            }
            return response.body("<html>trouble</html>");
        }
        Some(Failure::Code(code, status)) => return refuse(status, code, "Failed on command", "").response(),
        Some(Failure::Drop) => return cut(),
        Some(Failure::DropAfterTaking) => {
            let _answer = answer_to(message, &state);
            return cut();
        }
        Some(Failure::Slow(pause)) => {
            let answer = answer_to(message, &state);
            actix_web::rt::time::sleep(pause).await;
            return answer;
        }
        None => {}
    }
    answer_to(message, &state)
}

fn is_read_mark(message: &Value) -> bool {
    message.get("status").and_then(Value::as_str) == Some("read")
}

fn answer_to(message: Value, state: &Shared) -> HttpResponse {
    if is_read_mark(&message) {
        let id = message.get("message_id").and_then(Value::as_str).unwrap_or_default();
        lock(state).marked_read.push(id.to_owned());
        return HttpResponse::Ok().json(json!({"success": true}));
    }
    let taken = lock(state).take(message);
    match taken {
        Ok(answer) => HttpResponse::Ok().json(answer),
        Err(refusal) => refusal.response(),
    }
}

/// Cuts the connection before the answer is whole.
fn cut() -> HttpResponse {
    let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("cut on command"))]);
    HttpResponse::Ok().content_type("application/json").streaming(broken)
}

/// Takes a file: the part `file` of a form.
async fn upload(request: HttpRequest, body: Bytes, state: Shared) -> HttpResponse {
    if let Some(refusal) = refused(&request, &state) {
        return refusal;
    }
    let content_type = request
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let boundary = content_type
        .split_once("boundary=")
        .map(|(_, boundary)| boundary.trim_matches('"'));
    match boundary.and_then(|boundary| file_of_form(&body, boundary)) {
        Some((content_type, bytes)) => {
            let id = lock(&state).keep_media(&content_type, &bytes);
            HttpResponse::Ok().json(json!({"id": id}))
        }
        None => refuse(400, 100, "Invalid parameter", "(#100) The parameter file is required").response(),
    }
}

/// The type and content of the part `file`, when `messaging_product` is there too.
fn file_of_form(body: &[u8], boundary: &str) -> Option<(String, Vec<u8>)> {
    let mark = format!("--{boundary}");
    let mut rest = body;
    let (mut file, mut product) = (None, false);
    while let Some(at) = find(rest, mark.as_bytes()) {
        rest = rest.get(at + mark.len() + 2..)?;
        let Some(headers_end) = find(rest, b"\r\n\r\n") else {
            break;
        };
        let headers = String::from_utf8_lossy(rest.get(..headers_end)?).into_owned();
        let content = rest.get(headers_end + 4..)?;
        let content = content.get(..find(content, format!("\r\n{mark}").as_bytes())?)?;
        if headers.contains("name=\"messaging_product\"") {
            product = content == b"whatsapp";
        } else if headers.contains("name=\"file\"") {
            let lines = headers.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-type")
                    .then(|| value.trim().to_owned())
            });
            file = Some((lines?, content.to_vec()));
        }
    }
    file.filter(|_| product)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

async fn media_info(request: HttpRequest, state: Shared) -> HttpResponse {
    if let Some(refusal) = refused(&request, &state) {
        return refusal;
    }
    let id = request.match_info().get("id").unwrap_or_default().to_owned();
    let state = lock(&state);
    let Some((content_type, bytes)) = state.media.get(&id) else {
        return refuse(
            400,
            100,
            "Unsupported get request",
            "Object with this id does not exist",
        )
        .response();
    };
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let sha256: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    HttpResponse::Ok().json(json!({
        "messaging_product": "whatsapp",
        "url": format!("http://{}/media-files/{id}", request.connection_info().host()),
        "mime_type": content_type,
        "sha256": sha256,
        "file_size": bytes.len(),
        "id": id,
    }))
}

async fn media_file(request: HttpRequest, state: Shared) -> HttpResponse {
    if let Some(refusal) = refused(&request, &state) {
        return refusal;
    }
    let id = request.match_info().get("id").unwrap_or_default();
    let state = lock(&state);
    match state.media.get(id) {
        Some((content_type, _)) if state.spoiled.contains(id) => HttpResponse::Ok()
            .content_type(content_type.clone())
            .body("something else"),
        Some((content_type, bytes)) => HttpResponse::Ok()
            .content_type(content_type.clone())
            .body(bytes.clone()),
        None => HttpResponse::NotFound().finish(),
    }
}
