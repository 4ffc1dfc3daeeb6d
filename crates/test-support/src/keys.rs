//! The keys that tokens of tests are signed and rows sealed with: fixed, known to everybody, good for nothing else.

use auth::config::PasswordCost;
use auth::{AuthConfig, AuthSettings};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The settings of authentication in tests: fixed keys, and passwords that cost next to nothing.
///
/// # Panics
/// Never.
#[must_use]
pub fn auth_config() -> AuthConfig {
    let settings = AuthSettings {
        signing_keys_pem: Some(signing_key(7).into()),
        master_key: Some(master_key().into()),
        password_memory_kib: password_cost().memory_kib,
        password_passes: password_cost().passes,
        password_lanes: password_cost().lanes,
        ..AuthSettings::default()
    };
    settings.load().expect("the settings of tests are right")
}

/// The master key of tests, as the setting has it.
#[must_use]
pub fn master_key() -> String {
    STANDARD.encode([9; 32])
}

/// The cost of a password in tests.
pub(crate) const fn password_cost() -> PasswordCost {
    PasswordCost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
        at_once: 2,
    }
}

/// An Ed25519 private key made of `byte` alone, as PKCS#8 version 1 (RFC 8410) in PEM form.
#[must_use]
pub fn signing_key(byte: u8) -> String {
    let mut document = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    document.extend_from_slice(&[byte; 32]);
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(document)
    )
}
