//! Keys of known tests, and directories of keys that change.

use super::*;
use base64::engine::general_purpose::STANDARD;

/// The private key of RFC 8037, appendix A.1.
pub(crate) const RFC_8037_SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

/// A PKCS#8 version 1 document (RFC 8410) in PEM form.
pub(crate) fn pem(seed: &[u8]) -> String {
    let mut document = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    document.extend_from_slice(seed);
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n{PEM_END}\n",
        STANDARD.encode(document)
    )
}

pub(crate) fn inline(text: &str) -> Result<SigningKeys, SigningKeyError> {
    SigningKeys::load(KeySource::Inline(SecretString::from(text)))
}

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("taskmed-signing-keys-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn load(&self) -> Result<SigningKeys, SigningKeyError> {
        SigningKeys::load(KeySource::Directory(self.0.clone()))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn the_key_id_is_the_thumbprint_of_rfc_8037() {
    let keys = inline(&pem(&URL_SAFE_NO_PAD.decode(RFC_8037_SEED).unwrap())).unwrap();
    assert_eq!(
        serde_json::to_value(keys.current().jwks()).unwrap(),
        serde_json::json!({"keys": [{
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "use": "sig",
            "alg": "EdDSA",
        }]})
    );
}

#[test]
fn the_last_block_signs_and_all_verify() {
    let keys = inline(&format!("{}{}", pem(&[1; 32]), pem(&[2; 32])).replace('\n', "\\n"))
        .unwrap()
        .current();
    let ids: Vec<&str> = keys.jwks().keys.iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(keys.signer().1, ids[1]);
    assert!(ids.iter().all(|id| keys.verifier(id).is_some()));
}

#[test]
fn keys_change_without_a_restart() {
    let directory = Directory::new("rotation");
    directory.put("2026-01.pem", &pem(&[1; 32]));
    directory.put("notes.txt", "not a key");
    let keys = directory.load().unwrap();
    let old = keys.current().signer().1.to_owned();
    assert_eq!(keys.reload().unwrap(), Reloaded::Unchanged);

    directory.put("2026-02.pem", &pem(&[2; 32]));
    assert_eq!(keys.reload().unwrap(), Reloaded::Changed);
    assert_ne!(keys.current().signer().1, old);
    assert!(keys.current().verifier(&old).is_some());
}

#[test]
fn a_broken_file_leaves_the_old_keys() {
    let directory = Directory::new("broken");
    directory.put("2026-01.pem", &pem(&[1; 32]));
    let keys = directory.load().unwrap();
    let old = keys.current().signer().1.to_owned();
    for broken in ["", "-----BEGIN PRIVATE KEY-----\nMC4CAQ", "secret-but-no-key"] {
        directory.put("2026-02.pem", broken);
        let message = keys.reload().unwrap_err().to_string();
        assert!(
            message.contains("2026-02.pem") && !message.contains("secret-but"),
            "{message}"
        );
        assert_eq!(keys.current().signer().1, old);
    }
}

#[test]
fn a_key_that_another_node_signs_with_already_is_found() {
    let directory = Directory::new("sought");
    directory.put("2026-01.pem", &pem(&[1; 32]));
    let keys = directory.load().unwrap();
    let newer = inline(&pem(&[2; 32])).unwrap().current().signer().1.to_owned();
    directory.put("2026-02.pem", &pem(&[2; 32]));
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    assert!(keys.with_key(&newer, now).verifier(&newer).is_some());
    assert!(!keys.may_seek(now.saturating_add(chrono::TimeDelta::milliseconds(999))));
    assert!(keys.may_seek(now.saturating_add(chrono::TimeDelta::seconds(1))));
}

#[test]
fn no_key_is_an_error_that_names_the_place() {
    let directory = Directory::new("empty");
    assert!(matches!(directory.load(), Err(SigningKeyError::Empty(place)) if place.contains("empty")));
    assert!(matches!(
        SigningKeys::load(KeySource::Directory("/nonexistent/keys".into())),
        Err(SigningKeyError::Unreadable { .. })
    ));
    assert!(matches!(inline(""), Err(SigningKeyError::Empty(_))));
    assert!(matches!(inline("x"), Err(SigningKeyError::NotEd25519(_))));
}
