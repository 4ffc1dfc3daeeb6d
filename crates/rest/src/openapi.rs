//! What is the same for every operation of the document, added by rule: the answers that any endpoint may give.

use utoipa::PartialSchema;
use utoipa::openapi::path::{HttpMethod, Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayItems, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, OpenApi, PathItem, Ref, RefOr, Required, ResponseBuilder};

use crate::problem::ProblemBody;

const PROBLEM: &str = "Problem";

/// Adds to every operation of `document` the problems and headers that follow from what it is: 401 and 403 where it is
/// secured, 404 where it has an id, 409, 412, 413, 415 and the `Idempotency-Key` where it writes, and so on.
pub fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(PROBLEM.to_owned(), ProblemBody::schema());
    components
        .schemas
        .insert("FieldError".to_owned(), kernel::FieldError::schema());
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(
                    "An access token from `POST /v1/auth/login`, or an API key (`tm_live_…`). Each operation names the \
                     permission it needs.",
                ))
                .build(),
        ),
    );
    components.schemas.values_mut().for_each(say_once);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            complete_operation(path, &method, operation);
        }
    }
}

/// Makes one schema of the two into which a described field is generated when its type is written out in place: the type, and
/// an object with the description and nothing else, which no value of the type is.
fn say_once(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => object.properties.values_mut().for_each(say_once),
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                say_once(items);
            }
        }
        Schema::AllOf(all) => {
            if let [RefOr::T(Schema::Object(value)), RefOr::T(Schema::Object(words))] = all.items.as_slice()
                && words.properties.is_empty()
                && words.description.is_some()
            {
                let mut value = value.clone();
                value.description.clone_from(&words.description);
                *schema = Schema::Object(value);
            } else {
                all.items.iter_mut().for_each(say_once);
            }
        }
        _ => {}
    }
}

/// The operations of `item` with their methods.
pub fn operations(item: &mut PathItem) -> Vec<(HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, item.get.as_mut()),
        (HttpMethod::Put, item.put.as_mut()),
        (HttpMethod::Post, item.post.as_mut()),
        (HttpMethod::Patch, item.patch.as_mut()),
        (HttpMethod::Delete, item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.map(|operation| (method, operation)))
    .collect()
}

fn complete_operation(path: &str, method: &HttpMethod, operation: &mut Operation) {
    let reads = matches!(method, HttpMethod::Get);
    let secured = operation.security.as_ref().is_some_and(|demands| !demands.is_empty());
    let mut problems = vec![
        ("400", "The request cannot be read."),
        ("422", "Some values are not valid; `errors` names each."),
        ("429", "Too many requests; `Retry-After` says when to come again."),
        (
            "503",
            "Busy, or given up at the deadline; `Retry-After` says when to come again.",
        ),
    ];
    if secured {
        problems.push(("401", "Not signed in, or not any more."));
        problems.push(("403", "The permission named under security is missing."));
    }
    if path.contains('{') {
        problems.push(("404", "There is nothing under this id, or it is another clinic's."));
    }
    if !reads {
        problems.push(("409", "The state of things is against it; `code` says what."));
        problems.push(("412", "It was changed since the version in `If-Match`."));
        add_header(
            operation,
            "If-Match",
            "Write only if the row still has the version of this `ETag`.",
        );
    }
    if matches!(method, HttpMethod::Post) {
        add_header(
            operation,
            "Idempotency-Key",
            "Makes a repeated request safe: the first committed answer is given again for 24 hours.",
        );
    }
    if operation.request_body.is_some() {
        problems.push(("413", "The body is too large."));
        problems.push(("415", "The body is not `application/json`."));
    }
    if reads && secured {
        add_header(
            operation,
            "If-None-Match",
            "The `ETag` that the client has: 304 when it is still right.",
        );
        operation
            .responses
            .responses
            .entry("304".to_owned())
            .or_insert_with(|| {
                RefOr::T(
                    ResponseBuilder::new()
                        .description("What the client has is still right.")
                        .build(),
                )
            });
    }
    for (status, description) in problems {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| {
                RefOr::T(
                    ResponseBuilder::new()
                        .description(description)
                        .content(
                            "application/problem+json",
                            ContentBuilder::new()
                                .schema(Some(Ref::from_schema_name(PROBLEM)))
                                .build(),
                        )
                        .build(),
                )
            });
    }
    for response in operation.responses.responses.values_mut() {
        name_problem_type(response);
    }
}

/// utoipa writes bodies as `application/json`; problems are `application/problem+json`.
fn name_problem_type(response: &mut RefOr<utoipa::openapi::Response>) {
    if let RefOr::T(response) = response
        && let Some(content) = response.content.get("application/json").cloned()
        && let RefOr::T(body) = &content
        && matches!(&body.schema, Some(RefOr::Ref(reference)) if reference.ref_location.ends_with("/Problem"))
    {
        response.content.shift_remove("application/json");
        response.content.insert("application/problem+json".to_owned(), content);
    }
}

fn add_header(operation: &mut Operation, name: &str, description: &str) {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
}
