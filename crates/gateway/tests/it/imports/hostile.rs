//! Files that are no tables, or that would like to be more.

use serde_json::json;

use super::*;

/// The code of the one fault with which a file is refused.
async fn refusal(actor: &Actor, file: impl Into<Vec<u8>>) -> String {
    let answer = upload(actor, "contacts", file).await;
    assert_eq!(answer.status.as_u16(), 422, "{answer}");
    answer.assert_is_problem();
    answer.body["errors"][0]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_no_table_is_refused_with_the_reason_and_not_kept() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let wide = "a,".repeat(1_000_000);
    let files: [(&[u8], &str); 9] = [
        (b"", "empty_file"),
        (b" \r\n \n", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"Nome;CPF\r\n", "no_rows"),
        (b"PK\x03\x04\x14\x00\x06\x00 [Content_Types].xml", "not_csv"),
        (b"\x1f\x8b\x08\x00", "not_csv"),
        (b"%PDF-1.7\n1 0 obj", "not_csv"),
        (b"\"Nome,CPF\nAna,1\n", "bad_heading"),
        (wide.as_bytes(), "bad_heading"),
    ];
    for (file, code) in files {
        assert_eq!(refusal(&owner, file).await, code, "{:?}", &file[..file.len().min(30)]);
    }
    assert_eq!(refusal(&owner, "c,".repeat(600) + "\n1\n").await, "too_many_columns");
    assert_eq!(refusal(&owner, "Nome\n".repeat(100_002)).await, "too_many_rows");
    assert_eq!(count(&app, "SELECT count(*) FROM imports").await, 0);
    assert_eq!(app.kept_files(), 0);
}

#[tokio::test]
async fn a_bad_line_costs_itself_alone() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let mut file = b"\xef\xbb\xbfNome,CPF\r\nAna Lima,\rBia Reis,\nNu\0lo,\r\n".to_vec();
    file.extend_from_slice("x".repeat(200_000).as_bytes());
    file.extend_from_slice(b"\n");
    file.extend_from_slice("a,".repeat(20_000).as_bytes());
    file.extend_from_slice(b"\n\"Caio\nLima\",\n\"aberto,\nDavi Lima,\n=HYPERLINK(1),\n");
    let import = take(&owner, "contacts", file).await;
    let ended = done(&owner, &import, "start", "completed").await;
    assert_eq!(ended["rows_total"], json!(9));
    assert_eq!(
        failures(&owner, &import).await,
        [
            "4 :not_text",
            "5 :line_too_long",
            "6 :wrong_field_count",
            "7 /name:control_character",
            "9 :bad_quote",
        ]
    );
    assert_eq!(counts(&ended), [4, 0, 5]);
}

#[tokio::test]
async fn what_is_too_large_or_is_said_to_be_something_else_is_refused() {
    let Some(app) = TestApp::start().await else { return };
    let owner = app.actor("owner@aurora");
    let large = upload(&owner, "contacts", vec![b'a'; 50 * 1024 * 1024 + 1]).await;
    large.assert_status(413);
    let sent = async |query: &str, media_type: &'static str| {
        owner
            .call(Method::POST, &format!("/v1/imports?{query}"))
            .bytes(media_type, "Nome\nAna\n")
            .send()
            .await
    };
    sent("kind=contacts&filename=a.csv", "application/json")
        .await
        .assert_status(415);
    sent("kind=contacts&filename=a.csv", "application/octet-stream")
        .await
        .assert_status(201);
    sent("kind=animals&filename=a.csv", "text/csv").await.assert_status(422);
    sent("kind=contacts&filename=", "text/csv").await.assert_status(422);
    sent("kind=contacts&filename=a.csv&x=1", "text/csv")
        .await
        .assert_status(422);
    assert_eq!(app.kept_files(), 1);
}
