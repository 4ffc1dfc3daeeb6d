//! A master key that cannot be used keeps the server from starting, and the message says what to do.

use std::process::{Command, Output};

/// What `taskmed serve` says with this master key and otherwise no settings.
fn serve_with(master_key: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_taskmed"))
        .arg("serve")
        .env_clear()
        .env("TASKMED_MASTER_KEY", master_key)
        .output()
        .expect("the program starts")
}

#[test]
fn a_master_key_that_is_none_is_named_and_not_shown() {
    for wrong in ["segredo", "c2VncmVkbw==", "nome com espaço:AAAA"] {
        let output = serve_with(wrong);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(said.contains("TASKMED_MASTER_KEY: "), "{said}");
        assert!(!said.contains(wrong), "{said}");
    }
}

#[test]
fn a_missing_master_key_is_told_with_how_to_make_one() {
    let output = serve_with("");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("TASKMED_MASTER_KEY: is not set") && said.contains("openssl rand -base64 32"),
        "{said}"
    );
}
