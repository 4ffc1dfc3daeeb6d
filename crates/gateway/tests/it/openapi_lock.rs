//! The committed document is the one that the handlers describe, and each of its operations says what a client needs to know.

use serde_json::Value;

#[test]
fn the_committed_document_is_the_one_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let served = gateway::documents::text().unwrap();
    assert!(
        committed == served,
        "the API has changed: run `make openapi`, and look at the difference in openapi/openapi.json"
    );
}

#[test]
fn every_operation_says_what_it_is_and_how_it_ends() {
    let document: Value = serde_json::from_str(&gateway::documents::text().unwrap()).unwrap();
    let mut ids = std::collections::BTreeSet::new();
    let mut faults = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let mut expect = |holds: bool, what: &str| {
                if !holds {
                    faults.push(format!("{method} {path}: {what}"));
                }
            };
            let id = operation["operationId"].as_str().unwrap_or_default();
            expect(!id.is_empty() && ids.insert(id.to_owned()), "an id of its own");
            expect(
                operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()),
                "a summary",
            );
            expect(
                operation["tags"].as_array().is_some_and(|tags| tags.len() == 1),
                "one tag",
            );
            let responses = operation["responses"].as_object().unwrap();
            let succeeds = |status: &String| status.starts_with('2') || status == "101";
            expect(responses.keys().any(succeeds), "a success");
            expect(
                responses.contains_key("429") && responses.contains_key("503"),
                "the problems that any may give",
            );
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
