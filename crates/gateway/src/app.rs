//! The application of one worker: every route, and the layers around them.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, Error, web};
use rest::middleware::{authenticate, guard, observe};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_actix_web::{AppExt, scope};

use crate::shared::Worker;
use crate::{channels, documents, health, imports, monitoring, realtime, unmatched, workflows};

/// Every endpoint under `/v1`. An address is compared with one pattern after the other: what is asked for most comes first.
fn versioned_routes(config: &mut ServiceConfig<'_>) {
    contacts::routes(config);
    appointments::routes(config);
    conversations::routes(config);
    clinics::routes(config);
    workflows::routes(config);
    monitoring::routes(config);
    integrations::routes(config);
    imports::routes(config);
    realtime::routes(config);
}

/// Every endpoint outside `/v1` that the document describes.
fn public_routes(config: &mut ServiceConfig<'_>) {
    clinics::well_known_routes(config);
    appointments::public_routes(config);
    channels::routes(config);
}

/// The document, as the handlers describe themselves; nothing is served.
#[must_use]
pub fn described() -> OpenApi {
    let (_app, mut document) = App::new()
        .into_utoipa_app()
        .openapi(documents::frame())
        .service(scope::scope("/v1").configure(versioned_routes))
        .configure(public_routes)
        .split_for_parts();
    rest::openapi::complete(&mut document);
    document
}

/// The application of `worker`.
pub fn build(
    worker: Worker,
    catalogue: documents::Catalogue,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let (app, _document) = App::new()
        .into_utoipa_app()
        .service(
            scope::scope("/v1")
                .wrap(from_fn(authenticate))
                .configure(versioned_routes),
        )
        .configure(public_routes)
        .split_for_parts();
    app.app_data(worker.shared)
        .app_data(worker.rest)
        .app_data(worker.guard)
        .app_data(worker.accounts)
        .app_data(worker.clinic_keys)
        .app_data(worker.files)
        .app_data(worker.integrations)
        .app_data(worker.allowed_networks)
        .app_data(worker.live)
        .app_data(catalogue.data())
        .configure(health::routes)
        .configure(|config| documents::routes(config, &catalogue))
        .default_service(web::to(unmatched::answer))
        .wrap(Compress::default())
        .wrap(from_fn(guard))
        .wrap(from_fn(observe))
}

/// The application of the admin listener: health alone.
pub fn build_admin(
    worker: Worker,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(worker.shared)
        .app_data(worker.rest)
        .configure(health::routes)
}
