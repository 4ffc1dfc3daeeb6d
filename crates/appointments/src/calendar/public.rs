//! A feed as calendar programs fetch it: by its secret address alone.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use auth::secrets::CalendarFeedToken;
use aws_lc_rs::digest;
use db::AuditRecord;
use kernel::System;
use rest::{Problem, Public, Rest};

use super::error::FeedError;
use super::{ics, service};

/// A calendar, for calendar programs to subscribe to.
///
/// The address is the secret: who has it may read, until the feed is revoked. Shows appointments from 90 days back to 365
/// ahead, cancelled ones as such, never notes. Answers 304 when nothing changed since the `ETag` in `If-None-Match`.
#[utoipa::path(tag = "calendar", summary = "Reads a calendar feed", operation_id = "read_calendar_feed", security(()),
    params(("token" = String, Path, description = "What `POST /v1/calendar/feeds` showed once.",
        example = "tmf_0192f0c12a3b7c4d8e5f60718293a4b5_jqOtnnLXEjEGEWyGB3Ubeps1cJzLZKQeFFlhVd-2wmE")),
    responses((status = 200, description = "the calendar (RFC 5545)", content_type = "text/calendar", body = String)))]
#[get("/calendar/{token}.ics")]
pub(crate) async fn read_feed(public: Public, request: HttpRequest, rest: Data<Rest>) -> Result<HttpResponse, Problem> {
    // One answer for what is malformed, unknown or revoked, so that nothing can be learnt by trying.
    let token = CalendarFeedToken::parse(request.match_info().query("token"))
        .map_err(|_malformed| Problem::from(FeedError::NotFound))?;
    let caller = System::acting_for(token.scope(), "calendar_feed").in_request(public.origin());
    let agenda = rest
        .db
        .read_snapshot(&caller, async |tx| service::read(tx, &token).await)
        .await?;
    let record = AuditRecord::new("calendar_feeds.read", "calendar_feed", agenda.feed.as_uuid());
    rest.read_audit.record(&caller, record, rest.db.clock().now());
    if agenda.note_read {
        service::note_read(&rest.db, &caller, agenda.feed).await?;
    }
    let body = ics::write(&agenda.heading, &agenda.entries);
    Ok(answer(&request, body))
}

/// 200 with the calendar, or 304 when the client has it already.
fn answer(request: &HttpRequest, body: String) -> HttpResponse {
    let tag = entity_tag(&body);
    let mut response = if knows(request, &tag) {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response.insert_header((header::ETAG, tag.as_str()));
    response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")));
    if knows(request, &tag) {
        return response.finish();
    }
    response.content_type("text/calendar; charset=utf-8");
    response.insert_header((
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("inline; filename=\"agenda.ics\""),
    ));
    response.body(body)
}

/// The name of these very bytes, in quotes.
fn entity_tag(body: &str) -> String {
    let hash = digest::digest(&digest::SHA256, body.as_bytes());
    let hex: String = hash
        .as_ref()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{hex}\"")
}

/// Whether the client names `tag` among those it has (RFC 9110, 13.1.2: compared weakly).
fn knows(request: &HttpRequest, tag: &str) -> bool {
    let named = |known: &str| {
        known
            .split(',')
            .map(str::trim)
            .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    };
    request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .any(named)
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_client_that_has_it_is_not_sent_it_again() {
        let tag = entity_tag("BEGIN:VCALENDAR");
        for (known, status) in [
            (tag.clone(), StatusCode::NOT_MODIFIED),
            (format!("\"other\", W/{tag}"), StatusCode::NOT_MODIFIED),
            ("*".to_owned(), StatusCode::NOT_MODIFIED),
            ("\"other\"".to_owned(), StatusCode::OK),
        ] {
            let request = TestRequest::get()
                .insert_header((header::IF_NONE_MATCH, known))
                .to_http_request();
            assert_eq!(answer(&request, "BEGIN:VCALENDAR".to_owned()).status(), status);
        }
        let first = TestRequest::get().to_http_request();
        assert_eq!(answer(&first, "BEGIN:VCALENDAR".to_owned()).status(), StatusCode::OK);
    }
}
