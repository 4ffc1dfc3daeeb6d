//! Addresses, ids, methods and parameters that make no sense.

use super::*;

/// The parameters of the query that `operation` takes.
fn parameters(document: &Value, operation: &Operation) -> Vec<String> {
    let path = operation.path.replace('~', "~0").replace('/', "~1");
    let method = operation.method.as_str().to_lowercase();
    let parameters = document.pointer(&format!("/paths/{path}/{method}/parameters"));
    let of_query = parameters
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|parameter| parameter["in"] == "query");
    of_query
        .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
        .collect()
}

fn reads() -> Vec<(Operation, Vec<String>)> {
    let document = serde_json::to_value(gateway::app::described()).unwrap();
    let reads = operations()
        .into_iter()
        .filter(|operation| operation.method == Method::GET);
    reads
        .map(|operation| (parameters(&document, &operation), operation))
        .map(|(names, operation)| (operation, names))
        .collect()
}

#[tokio::test]
async fn parameters_that_are_unknown_or_make_no_sense() {
    let Some((app, director, ids)) = app_with_rows().await else {
        return;
    };
    let nobody = app.api.nobody();
    let mut faults = Faults::default();
    for (operation, names) in reads() {
        if operation.path.contains("{token}") || operation.id == "get_jwks" {
            continue;
        }
        let caller = caller_of(&operation, &director, &nobody);
        let path = address(&operation, &ids);
        let mut queries = vec![
            ("no_such_parameter=1".to_owned(), 422),
            ("no_such_parameter=%00".to_owned(), 422),
            ("no_such_parameter=%ff".to_owned(), 400),
            ("no_such_parameter=%zz".to_owned(), 400),
        ];
        for (name, value) in [
            ("limit", "0"),
            ("limit", "101"),
            ("limit", "-1"),
            ("limit", "1e2"),
            ("limit", "99999999999999999999"),
            ("sort", "no_such_field"),
            ("sort", "name;drop%20table%20users"),
            ("cursor", "broken"),
            ("cursor", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            ("cursor", ""),
            ("fields", "no_such_field"),
            ("fields", "id,__proto__"),
            ("include", "no_such_neighbour"),
            ("updated_since", "yesterday"),
            ("updated_since", "9999-12-31T23:59:59Z"),
            ("from", "9999-12-31T23:59:59Z"),
            ("to", "-0001-01-01T00:00:00Z"),
            ("status", "no_such_status"),
            ("practitioner_id", "no-id"),
            ("contact_id", "%27%20OR%201=1"),
            ("duration_minutes", "-30"),
        ] {
            if names.iter().any(|known| known == name) {
                queries.push((format!("{name}={value}"), 422));
            }
        }
        for name in names
            .iter()
            .filter(|name| !["q", "tag", "include", "fields"].contains(&name.as_str()))
        {
            queries.push((format!("{name}=%00"), 422));
            queries.push((format!("{name}=%c3%28"), 400));
        }
        for (query, status) in queries {
            let answer = caller.get(&format!("{path}?{query}")).await;
            faults.expect(&answer, &[status], || format!("{} with {query}", operation.id));
        }
        // Long, and full of what SQL patterns and search would take for something else.
        for name in &names {
            for value in ["%25%25%25___%5C", "%F0%9F%A6%B7", &"x".repeat(5000), "%E2%80%AE", ",,,"] {
                let answer = caller.get(&format!("{path}?{name}={value}")).await;
                faults.expect_no_failure(&answer, || format!("{} with {name}={value:.20}", operation.id));
            }
        }
    }
    faults.assert_none();
}

#[tokio::test]
async fn ids_that_are_none() {
    let Some((app, director, _)) = app_with_rows().await else {
        return;
    };
    let nobody = app.api.nobody();
    let mut faults = Faults::default();
    for operation in operations()
        .into_iter()
        .filter(|operation| operation.path.contains('{') && !is_signed(operation))
    {
        let caller = caller_of(&operation, &director, &nobody);
        for id in [
            "x",
            "%00",
            "%ff",
            "..%2f..",
            "1%20OR%201=1",
            "00000000-0000-0000-0000-000000000000",
            &"9".repeat(3000),
        ] {
            let path = operation.path.replace("{id}", id).replace("{token}", id);
            let mut call = caller.call(operation.method.clone(), &path);
            if operation.method != Method::GET && operation.method != Method::DELETE {
                call = call.json(&json!({}));
            }
            let answer = call.send().await;
            // An id that is none is not there; only its body may be judged first.
            faults.expect(&answer, &[404, 422, 400, 409], || {
                format!("{} with {id:.40}", operation.id)
            });
            if operation.method == Method::GET && answer.status != 404 {
                faults.0.push(format!("{} with {id:.40}: {answer}", operation.id));
            }
        }
    }
    faults.assert_none();
}

/// Whether the address `path` has the form of `template`.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(part, word)| part.starts_with('{') || part == word)
}

#[tokio::test]
async fn methods_that_an_address_does_not_take() {
    let Some((_app, director, ids)) = app_with_rows().await else {
        return;
    };
    let mut faults = Faults::default();
    let all = operations();
    for operation in &all {
        let path = address(operation, &ids).replace("{token}", "token");
        let taken: Vec<&Method> = all
            .iter()
            .filter(|other| other.path == operation.path)
            .map(|other| &other.method)
            .collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            if taken.contains(&&method) {
                continue;
            }
            // The last word of this address may be an id to another one.
            let is_an_id = |other: &&Operation| other.method == method && fits(&other.path, &operation.path);
            if all.iter().any(|other| is_an_id(&other)) {
                continue;
            }
            let answer = director.call(method.clone(), &path).send().await;
            faults.expect(&answer, &[405], || format!("{method} {path}"));
            let allowed = answer.header("allow").unwrap_or_default();
            for method in &taken {
                if !allowed.split(", ").any(|name| name == method.as_str()) {
                    faults
                        .0
                        .push(format!("{path} does not say that it takes {method}: {answer}"));
                }
            }
        }
    }
    faults.assert_none();
}

#[tokio::test]
async fn head_is_answered_without_a_body() {
    let Some((_app, director, ids)) = app_with_rows().await else {
        return;
    };
    for operation in operations()
        .into_iter()
        .filter(|operation| operation.method == Method::GET)
    {
        let path = address(&operation, &ids).replace("{token}", "token");
        let answer = director.call(Method::HEAD, &path).send().await;
        assert!(answer.bytes.is_empty(), "{path}: {answer}");
        assert!(!answer.status.is_server_error(), "{path}: {answer}");
    }
}

#[tokio::test]
async fn addresses_that_lead_nowhere() {
    let Some((_app, director, _)) = app_with_rows().await else {
        return;
    };
    let mut faults = Faults::default();
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/contacts",
        "/v1/contacts/",
        "/v1//contacts",
        "/v1/../etc/passwd",
        "/%00",
        "/v1/contacts%2f1",
        "/%ff",
    ] {
        let answer = director.get(path).await;
        faults.expect(&answer, &[404, 400], || path.to_owned());
    }
    faults.assert_none();
}
