//! The answer to what matches no endpoint: 405 with the methods that would, else 404.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use rest::Problem;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::HttpMethod;

/// The addresses of the document, as segments, with the methods of each.
pub(crate) struct Routes(Vec<(Vec<String>, String)>);

impl Routes {
    pub(crate) fn of(document: &mut OpenApi) -> Self {
        let routes = document.paths.paths.iter_mut().map(|(path, item)| {
            let methods: Vec<&str> = rest::openapi::operations(item)
                .into_iter()
                .map(|(method, _)| name_of(&method))
                .collect();
            (path.split('/').map(str::to_owned).collect(), methods.join(", "))
        });
        Self(routes.collect())
    }

    /// The methods that the address `path` takes, when it is one.
    fn methods_of(&self, path: &str) -> Option<&str> {
        let segments: Vec<&str> = path.split('/').collect();
        self.0
            .iter()
            .find(|(template, _)| {
                template.len() == segments.len()
                    && template
                        .iter()
                        .zip(&segments)
                        .all(|(part, segment)| part == segment || (part.starts_with('{') && !segment.is_empty()))
            })
            .map(|(_, methods)| methods.as_str())
    }
}

fn name_of(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Delete => "DELETE",
        _ => "OPTIONS",
    }
}

/// 405 with `Allow`, or 404.
pub(crate) async fn answer(request: HttpRequest, routes: Data<Routes>) -> HttpResponse {
    let allowed = routes
        .methods_of(request.path())
        .and_then(|methods| HeaderValue::from_str(methods).ok());
    match allowed {
        Some(methods) => Problem::method_not_allowed()
            .with_header(header::ALLOW, methods)
            .error_response(),
        None => Problem::not_found("no_such_address").error_response(),
    }
}
