//! The settings of what goes out: those that cannot be used keep the server from starting, and are named.

use std::fs;
use std::process::Command;

use test_support::certificates::Authority;

/// What `taskmed serve` complains of with this setting and no others.
fn complaints(setting: &str, value: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_taskmed"))
        .arg("serve")
        .env_clear()
        .env(setting, value)
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn networks_that_are_none_are_named() {
    let setting = "TASKMED_ALLOWED_PRIVATE_NETWORKS";
    for wrong in ["10.0.0.0/99", "intranet", "10.0.0.1,"] {
        let said = complaints(setting, wrong);
        assert!(
            said.contains(&format!("{setting}: write addresses or networks")),
            "{said}"
        );
    }
    assert!(!complaints(setting, "10.20.0.0/16,fd00:7::/64").contains(setting));
}

#[test]
fn certificates_that_are_none_are_named() {
    let setting = "TASKMED_EXTRA_ROOT_CERTIFICATES";
    let folder = std::env::temp_dir().join(format!("taskmed-roots-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let file = folder.join("roots.pem");
    let said = complaints(setting, file.to_str().unwrap());
    assert!(
        said.contains(&format!("{setting}: {} cannot be read", file.display())),
        "{said}"
    );
    fs::write(&file, "no certificate").unwrap();
    let said = complaints(setting, file.to_str().unwrap());
    assert!(
        said.contains(&format!(
            "{setting}: {}: these are no certificates in PEM",
            file.display()
        )),
        "{said}"
    );
    fs::write(&file, Authority::new().pem()).unwrap();
    assert!(!complaints(setting, file.to_str().unwrap()).contains(setting));
    fs::remove_dir_all(&folder).unwrap();
}
