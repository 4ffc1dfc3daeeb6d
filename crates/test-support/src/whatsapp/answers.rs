//! Errors as the Graph API words them.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;

/// Why the server did not take something.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    code: i64,
    title: String,
    details: String,
}

pub(super) fn refuse(status: u16, code: i64, title: &str, details: &str) -> Refusal {
    Refusal {
        status,
        code,
        title: title.to_owned(),
        details: details.to_owned(),
    }
}

impl Refusal {
    pub(super) fn response(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).expect("a status");
        HttpResponse::build(status).json(json!({
            "error": {
                "message": format!("(#{}) {}", self.code, self.title),
                "type": "OAuthException",
                "code": self.code,
                "error_data": {"messaging_product": "whatsapp", "details": self.details},
                "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam",
            }
        }))
    }
}
