#!/usr/bin/env bash
# `make test`: every test of the project, against services of its own that are gone afterwards, however it ends.
# Arguments go to `cargo test --workspace`.

# shellcheck source=deploy/dev/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=deploy/dev/supervise.sh
. "$PROJECT_ROOT/deploy/dev/supervise.sh"

# Not .test itself: there the services of `make services-test` may be in use.
STATE=$PROJECT_ROOT/.test/suite

clean_up() {
  services remove "$STATE" || true
  rm -rf "$STATE"
  rmdir "$PROJECT_ROOT/.test" 2>/dev/null || true
}

main() {
  require_linux
  cd "$PROJECT_ROOT"
  have flock || services install
  take_lock "$STATE" lock 2 ||
    fail "'make test' is already running here (process $(lock_holder "$STATE" lock)): wait for it."
  guard
  require_rust
  services install test
  # A killed run leaves its services behind.
  services remove "$STATE"
  say "testing the development scripts"
  run_child bash "$PROJECT_ROOT/deploy/dev/tests.sh"
  services start "$STATE" --throw-away
  # The settings of a developer's own server are none of the tests' business.
  # shellcheck disable=SC2086 # One word per name.
  unset ${!TASKMED_*}
  export_settings "$STATE" TASKMED_TEST_
  say "testing the workspace"
  run_child cargo test --workspace "$@"
}

main "$@"
