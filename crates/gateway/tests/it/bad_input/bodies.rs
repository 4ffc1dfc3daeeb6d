//! Bodies that are no JSON, of the wrong form, of the wrong type, too large, or full of what cannot be.

use super::*;

/// The members of the body of `operation`, when it takes JSON.
fn members(document: &Value, operation: &Operation) -> Option<Vec<String>> {
    let path = operation.path.replace('~', "~0").replace('/', "~1");
    let method = operation.method.as_str().to_lowercase();
    let schema = document.pointer(&format!(
        "/paths/{path}/{method}/requestBody/content/application~1json/schema"
    ))?;
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#'))?,
        None => schema,
    };
    Some(
        schema["properties"]
            .as_object()
            .map(|members| members.keys().cloned().collect())
            .unwrap_or_default(),
    )
}

/// Every operation that takes a JSON body, with its members.
fn with_bodies() -> Vec<(Operation, Vec<String>)> {
    let document = serde_json::to_value(gateway::app::described()).unwrap();
    let found: Vec<_> = operations()
        .into_iter()
        .filter(|operation| !is_signed(operation))
        .filter_map(|operation| {
            let members = members(&document, &operation)?;
            Some((operation, members))
        })
        .collect();
    assert!(found.len() > 30, "the document was not read right");
    found
}

#[tokio::test]
async fn what_is_no_json_of_the_right_form() {
    let Some((app, director, ids)) = app_with_rows().await else {
        return;
    };
    let nobody = app.api.nobody();
    let mut faults = Faults::default();
    let deep = "[".repeat(20_000);
    let bodies: [(&str, &[u8], &[u16]); 12] = [
        ("nothing", b"", &[400]),
        ("half an object", b"{", &[400]),
        ("two objects", b"{}{}", &[400, 422]),
        ("no JSON at all", b"name=Ana", &[400]),
        ("a byte order mark", b"\xef\xbb\xbf{}", &[400]),
        ("bytes that are no UTF-8", b"{\"\xff\xfe\": 1}", &[400]),
        ("UTF-16", b"{\0}\0", &[400, 422]),
        ("a list", b"[]", &[422]),
        ("a text", b"\"text\"", &[422]),
        ("a number", b"1e400", &[400, 422]),
        ("a lone surrogate", br#"{"\ud800": 1}"#, &[400, 422]),
        ("an unknown member", br#"{"no_such_member": 1}"#, &[422]),
    ];
    for (operation, _) in with_bodies() {
        let caller = caller_of(&operation, &director, &nobody);
        let path = address(&operation, &ids);
        for (name, body, statuses) in bodies {
            // Where a body may be left out, nothing is a body as well.
            let answer = caller
                .call(operation.method.clone(), &path)
                .bytes("application/json", body.to_vec())
                .send()
                .await;
            if body.is_empty() && answer.status.is_success() {
                continue;
            }
            faults.expect(&answer, statuses, || format!("{} with {name}", operation.id));
        }
        let answer = caller
            .call(operation.method.clone(), &path)
            .bytes("application/json", deep.clone())
            .send()
            .await;
        faults.expect(&answer, &[400, 422], || format!("{} with deep nesting", operation.id));
    }
    faults.assert_none();
}

#[tokio::test]
async fn what_is_not_said_to_be_json() {
    let Some((app, director, ids)) = app_with_rows().await else {
        return;
    };
    let nobody = app.api.nobody();
    let mut faults = Faults::default();
    for (operation, _) in with_bodies() {
        let caller = caller_of(&operation, &director, &nobody);
        let path = address(&operation, &ids);
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "no/such",
            "json",
        ] {
            let answer = caller
                .call(operation.method.clone(), &path)
                .bytes(kind, "{}")
                .send()
                .await;
            faults.expect(&answer, &[415], || format!("{} with {kind}", operation.id));
        }
    }
    faults.assert_none();
}

#[tokio::test]
async fn what_is_too_large() {
    let Some((app, director, ids)) = app_with_rows().await else {
        return;
    };
    let nobody = app.api.nobody();
    let mut faults = Faults::default();
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(1 << 20));
    for (operation, _) in with_bodies() {
        let caller = caller_of(&operation, &director, &nobody);
        let path = address(&operation, &ids);
        let answer = caller
            .call(operation.method.clone(), &path)
            .bytes("application/json", large.clone())
            .send()
            .await;
        faults.expect(&answer, &[413], || format!("{} with a large body", operation.id));
    }
    faults.assert_none();
}

#[tokio::test]
async fn values_of_every_wrong_kind_in_every_member() {
    let Some((app, director, ids)) = app_with_rows().await else {
        return;
    };
    let nobody = app.api.nobody();
    let mut faults = Faults::default();
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5e300),
        json!(i64::MAX),
        json!(""),
        json!("\u{0}"),
        json!("\u{202e}\u{200b}\u{feff}"),
        json!("x".repeat(10_000)),
        json!("9999-12-31T23:59:59Z"),
        json!("-0001-01-01"),
        json!([]),
        json!([null, {}, -1]),
        json!({}),
        json!({"a": {"b": []}}),
    ];
    for (operation, members) in with_bodies() {
        // The director stays who they are: what they end of their own would end this test.
        if ["logout", "switch_clinic"].contains(&operation.id.as_str()) {
            continue;
        }
        let caller = caller_of(&operation, &director, &nobody);
        let path = address(&operation, &ids);
        for member in members {
            for value in &values {
                let body = json!({ (member.as_str()): value });
                let answer = caller.call(operation.method.clone(), &path).json(&body).send().await;
                faults.expect_no_failure(&answer, || {
                    let shown: String = value.to_string().chars().take(50).collect();
                    format!("{} with {member} = {shown}", operation.id)
                });
                if value == "\u{0}" {
                    faults.expect(&answer, &[422], || format!("{} with NUL in {member}", operation.id));
                }
            }
        }
    }
    faults.assert_none();
}

#[tokio::test]
async fn values_that_cannot_be() {
    let Some(app) = TestApp::start().await else { return };
    let director = app.actor("director@aurora");
    let mut faults = Faults::default();
    let world = test_support::world::contact("maria");
    let practitioner = test_support::world::practitioner("dr-lima");
    let slot = |starts_at: &str, ends_at: &str| json!({"contact_id": world, "practitioner_id": practitioner, "starts_at": starts_at, "ends_at": ends_at});
    let bodies = [
        (
            "/v1/appointments",
            slot("2026-11-24T15:00:00Z", "2026-11-24T14:00:00Z"),
            "an end before the start",
        ),
        (
            "/v1/appointments",
            slot("2026-11-24T15:00:00Z", "2026-11-24T15:00:00Z"),
            "no length",
        ),
        (
            "/v1/appointments",
            slot("2026-11-24T15:00:00Z", "2026-12-24T15:00:00Z"),
            "a month long",
        ),
        (
            "/v1/appointments",
            slot("9999-12-31T23:00:00Z", "9999-12-31T23:30:00Z"),
            "at the end of time",
        ),
        (
            "/v1/appointments",
            slot("0001-01-01T00:00:00Z", "0001-01-01T00:30:00Z"),
            "at its beginning",
        ),
        (
            "/v1/appointments",
            slot("+275760-09-13T00:00:00Z", "+275760-09-13T00:30:00Z"),
            "beyond it",
        ),
        (
            "/v1/appointments",
            slot("2026-02-30T15:00:00Z", "2026-02-30T15:30:00Z"),
            "a day that is none",
        ),
        (
            "/v1/appointments",
            slot("2026-11-24T15:00:00", "2026-11-24T15:30:00"),
            "no offset",
        ),
        (
            "/v1/appointments/holds",
            json!({"practitioner_id": practitioner, "starts_at": "2026-11-24T15:00:00Z",
            "ends_at": "2026-11-24T15:30:00Z", "minutes": -5}),
            "a negative time to keep",
        ),
        (
            "/v1/services",
            json!({"name": "Nova", "duration_minutes": -30}),
            "a negative duration",
        ),
        (
            "/v1/services",
            json!({"name": "Nova", "duration_minutes": 0}),
            "no duration",
        ),
        (
            "/v1/services",
            json!({"name": "Nova", "duration_minutes": 99_999_999_999_i64}),
            "a duration of ages",
        ),
        (
            "/v1/services",
            json!({"name": "Nova", "duration_minutes": 30, "price": {"amount_cents": -1, "currency": "BRL"}}),
            "a negative price",
        ),
        (
            "/v1/contacts",
            json!({"name": "Ana", "birth_date": "0001-01-01"}),
            "born at the beginning of time",
        ),
        (
            "/v1/contacts",
            json!({"name": "Ana", "birth_date": "2999-01-01"}),
            "born in the future",
        ),
        (
            "/v1/contacts",
            json!({"name": "Ana", "tax_id": "111.111.111-11"}),
            "a CPF of ones",
        ),
        ("/v1/contacts", json!({"name": "   "}), "a name of blanks"),
        (
            "/v1/time-off",
            json!({"starts_at": "2026-12-02T12:00:00Z", "ends_at": "2026-12-01T12:00:00Z"}),
            "time off backwards",
        ),
        (
            "/v1/holidays",
            json!({"date": "99999-12-31", "name": "Fim", "scope": "clinic"}),
            "a holiday too far",
        ),
        ("/v1/holidays/import-national", json!({"year": -1}), "a year before all"),
        (
            "/v1/opening-hours",
            json!({"weekday": 8, "opens_at": "08:00", "closes_at": "12:00"}),
            "an eighth weekday",
        ),
        (
            "/v1/opening-hours",
            json!({"weekday": 1, "opens_at": "25:00", "closes_at": "26:00"}),
            "a 25th hour",
        ),
    ];
    for (path, body, what) in bodies {
        let answer = director.post(path, body).await;
        faults.expect(&answer, &[422], || what.to_owned());
        let named = answer.body["errors"]
            .as_array()
            .is_some_and(|errors| !errors.is_empty());
        if answer.status == 422 && !named {
            faults.0.push(format!("{what}: no error names the field: {answer}"));
        }
    }
    faults.assert_none();
}

#[tokio::test]
async fn all_bad_values_are_told_at_once() {
    let Some(app) = TestApp::start().await else { return };
    let body = json!({"name": "", "tax_id": "123", "national_health_id": "456", "email": "nobody", "birth_date": "2999-01-01"});
    let answer = app.actor("reception@aurora").post("/v1/contacts", body).await;
    answer.assert_problem(422, "invalid_fields");
    let pointers: Vec<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    for wanted in ["/name", "/tax_id", "/national_health_id", "/email", "/birth_date"] {
        assert!(pointers.contains(&wanted), "{wanted} is not among {pointers:?}");
    }
}
