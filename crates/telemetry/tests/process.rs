//! What is set up once for a whole process, tried in a process of its own: this test's program, run again.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking, and this one looks at how a panic is told"
)]

use std::process::Command;

use serde_json::Value;
use telemetry::TelemetryConfig;

const CHILD: &str = "TASKMED_TEST_IS_CHILD";

#[test]
fn a_panic_is_a_log_line_like_any_other() {
    if std::env::var_os(CHILD).is_some() {
        panic_with_telemetry();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_panic_is_a_log_line_like_any_other", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<Value> = stderr
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let [before, panicked] = lines.as_slice() else {
        panic!("not two lines of JSON: {stderr}");
    };
    assert_eq!(before["message"], "still well");
    assert_eq!(panicked["level"], "ERROR");
    assert_eq!(panicked["message"], "the program panicked");
    assert_eq!(panicked["reason"], "as this test wants it");
    assert!(
        panicked["location"].as_str().unwrap().contains("process.rs"),
        "{panicked}"
    );
}

fn panic_with_telemetry() -> ! {
    let config = TelemetryConfig::default();
    let telemetry = telemetry::start(&config).unwrap();
    assert!(telemetry::start(&config).is_err());
    tracing::info!("still well");
    telemetry.shutdown();
    panic!("as this test wants it");
}
