//! The keys that sign access tokens: published, several at once, exchanged while the server runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use auth::signing_keys::{KeySource, Reloaded, SigningKeys};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Clock as _;
use serde_json::Value;
use test_support::{Answer, Credentials, keys};
use uuid::Uuid;

use super::{login, text, who};
use crate::app::TestApp;

/// A directory of signing keys that goes with the test.
struct KeyDirectory(PathBuf);

impl KeyDirectory {
    /// With one key, named so that others can sort before and after.
    fn with_one_key() -> Self {
        let path = std::env::temp_dir().join(format!("taskmed-signing-keys-{}", unique()));
        std::fs::create_dir(&path).expect("a directory can be made");
        let directory = Self(path);
        directory.add("2026-11-20.pem", 7);
        directory
    }

    fn add(&self, name: &str, key: u8) {
        std::fs::write(self.0.join(name), keys::signing_key(key)).expect("a key can be written");
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.0.join(name)).expect("a key can be removed");
    }

    fn keys(&self) -> SigningKeys {
        signing_keys(&self.0)
    }
}

impl Drop for KeyDirectory {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_dir_all(&self.0);
    }
}

/// Tells directories apart.
fn unique() -> Uuid {
    *kernel::SessionId::new_at(kernel::SystemClock.now()).as_uuid()
}

fn signing_keys(directory: &Path) -> SigningKeys {
    SigningKeys::load(KeySource::Directory(directory.to_owned())).expect("the keys load")
}

/// A gateway that reads its keys from `directory`.
async fn start(directory: &KeyDirectory) -> Option<TestApp> {
    TestApp::start_with(|config| config.auth.signing_keys = Arc::new(directory.keys())).await
}

/// The id of the key that signed the access token.
fn key_id(signed_in: &Answer) -> String {
    let header = text(signed_in, "/access_token").split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    assert_eq!(header["alg"], "EdDSA");
    header["kid"].as_str().unwrap().to_owned()
}

async fn published(app: &TestApp) -> Vec<String> {
    let jwks = app.api.nobody().get("/.well-known/jwks.json").await.expect_status(200);
    jwks.body["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_public_key_is_published_and_nothing_of_the_private_one() {
    let Some(app) = TestApp::start().await else { return };
    let jwks = app.api.nobody().get("/.well-known/jwks.json").await.expect_status(200);
    let key = jwks.body["keys"][0].as_object().unwrap();
    let mut names: Vec<_> = key.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
    assert_eq!(
        (key["kty"].as_str(), key["crv"].as_str()),
        (Some("OKP"), Some("Ed25519"))
    );
    let private = URL_SAFE_NO_PAD.encode([7; 32]);
    assert!(!String::from_utf8_lossy(&jwks.bytes).contains(&private));
}

#[tokio::test]
async fn others_verify_an_access_token_with_the_published_key() {
    let Some(app) = TestApp::start().await else { return };
    let signed_in = login(&app, "reception@aurora").await;
    let jwks = app.api.nobody().get("/.well-known/jwks.json").await;
    let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_value(jwks.body).unwrap();
    let key = jwks.find(&key_id(&signed_in)).expect("the key that signed");
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.set_audience(&["taskmed"]);
    validation.set_issuer(&["taskmed"]);
    // The world's clock stands in its own year.
    validation.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
    let claims =
        jsonwebtoken::decode::<Value>(text(&signed_in, "/access_token"), &key, &validation).expect("it verifies");
    assert_eq!(
        claims.claims["sub"],
        serde_json::json!(test_support::world::user("reception@aurora"))
    );
}

#[tokio::test]
async fn a_new_key_signs_without_a_restart_and_the_old_one_still_verifies() {
    let directory = KeyDirectory::with_one_key();
    let Some(app) = start(&directory).await else { return };
    let before = login(&app, "reception@aurora").await;
    directory.add("2026-12-20.pem", 8);
    assert_eq!(
        app.shared.config().auth.signing_keys.reload().unwrap(),
        Reloaded::Changed
    );
    let after = login(&app, "reception@aurora").await;
    assert_ne!(key_id(&before), key_id(&after));
    for tokens in [&before, &after] {
        who(&app, tokens).get("/v1/me").await.assert_status(200);
    }
    assert_eq!(published(&app).await, [key_id(&before), key_id(&after)]);
}

#[tokio::test]
async fn a_token_of_a_removed_key_is_not_taken() {
    let directory = KeyDirectory::with_one_key();
    let Some(app) = start(&directory).await else { return };
    let before = login(&app, "reception@aurora").await;
    directory.add("2026-12-20.pem", 8);
    directory.remove("2026-11-20.pem");
    app.shared.config().auth.signing_keys.reload().unwrap();
    who(&app, &before)
        .get("/v1/me")
        .await
        .assert_problem(401, "invalid_token");
    assert_eq!(published(&app).await, [key_id(&login(&app, "reception@aurora").await)]);
}

#[tokio::test]
async fn a_token_that_another_node_signed_with_a_newer_key_is_taken_at_once() {
    let directory = KeyDirectory::with_one_key();
    let Some(app) = start(&directory).await else { return };
    directory.add("2026-12-20.pem", 8);
    let mut other_node = app.shared.config().auth.clone();
    other_node.signing_keys = Arc::new(directory.keys());
    let token = Credentials::new(&other_node, app.clock.clone()).access_token("reception@aurora");
    app.api.bearer(token).get("/v1/me").await.assert_status(200);
}

#[tokio::test]
async fn a_broken_key_file_leaves_the_keys_as_they_are() {
    let directory = KeyDirectory::with_one_key();
    let Some(app) = start(&directory).await else { return };
    let before = login(&app, "reception@aurora").await;
    std::fs::write(directory.0.join("2026-12-20.pem"), "no key at all").unwrap();
    assert!(app.shared.config().auth.signing_keys.reload().is_err());
    who(&app, &before).get("/v1/me").await.assert_status(200);
    assert_eq!(key_id(&login(&app, "reception@aurora").await), key_id(&before));
}
