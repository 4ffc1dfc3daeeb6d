#!/usr/bin/env bash
# `make fuzz-api`: schemathesis reads the OpenAPI document from a running gateway and sends it what the document
# allows and what it does not, signed in as a practitioner and as an owner. No answer may be a server error, have a
# status that the document does not name, or a body of another form than it says.
#
# FUZZ_EXAMPLES sets the number of generated cases per operation, FUZZ_SEED repeats an earlier run.

# shellcheck source=deploy/dev/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=deploy/dev/supervise.sh
. "$PROJECT_ROOT/deploy/dev/supervise.sh"

STATE=$PROJECT_ROOT/.test/fuzz
readonly VENV=$PROJECT_ROOT/.test/venv
readonly SCHEMATHESIS=4.32.5
# The owner last, who may put the others away.
readonly FUZZED_SIGN_INS=(practitioner@aurora.example owner@aurora.example)

clean_up() {
  if [ -n "$GATEWAY" ]; then
    CHILD=$GATEWAY
    end_child
  fi
  services remove "$STATE" || true
  rm -f "$STATE/lock"
}

install_schemathesis() {
  if [ "$("$VENV/bin/schemathesis" --version 2>/dev/null)" = "schemathesis, version $SCHEMATHESIS" ]; then
    return
  fi
  say "installing schemathesis $SCHEMATHESIS"
  rm -rf "$VENV"
  run_child python3 -m venv "$VENV"
  run_child "$VENV/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$SCHEMATHESIS" ||
    fail "schemathesis could not be installed from PyPI: pip's messages are above."
}

start_gateway() {
  TASKMED_LISTEN=127.0.0.1:$(free_port)
  TASKMED_ADMIN_LISTEN=127.0.0.1:$(free_port)
  export TASKMED_LISTEN TASKMED_ADMIN_LISTEN TASKMED_ENVIRONMENT=development
  raise_rate_limits
  build_gateway ""
  say "migrating and seeding"
  gateway migrate
  gateway seed-demo
  say "starting the gateway, its log goes to $STATE/gateway.log"
  start_child env -u TASKMED_DATABASE_OWNER_URL -u TASKMED_DATABASE_MAINTENANCE_URL \
    cargo run --quiet --package taskmed-gateway --bin taskmed -- serve >"$STATE/gateway.log" 2>&1
  GATEWAY=$CHILD
  CHILD=
  wait_until 60 gateway_ready "$TASKMED_LISTEN" || {
    tail -n 30 "$STATE/gateway.log" >&2
    fail "The gateway did not get ready within a minute: the end of its log is above."
  }
}

# Fuzzes as one person; false if something was found.
fuzz_as() {
  local email=$1 seed=()
  [ -z "${FUZZ_SEED:-}" ] || seed=(--seed "$FUZZ_SEED")
  say "fuzzing as $email"
  run_child env FUZZ_ADDRESS="http://$TASKMED_LISTEN" FUZZ_EMAIL="$email" FUZZ_PASSWORD=demo-taskmed-2026 \
    PYTHONPATH="$PROJECT_ROOT/deploy/dev" PYTHONDONTWRITEBYTECODE=1 SCHEMATHESIS_HOOKS=fuzz_hooks \
    "$VENV/bin/schemathesis" run "http://$TASKMED_LISTEN/openapi.json" \
    --phases examples,coverage,fuzzing \
    --checks not_a_server_error,status_code_conformance,response_schema_conformance \
    --max-examples "${FUZZ_EXAMPLES:-50}" --request-timeout 30 --continue-on-failure \
    --generation-database none --warnings off "${seed[@]}"
}

main() {
  local email found=no
  GATEWAY=
  require_linux
  cd "$PROJECT_ROOT"
  have flock || services install
  take_lock "$STATE" lock 2 ||
    fail "'make fuzz-api' is already running here (process $(lock_holder "$STATE" lock)): wait for it."
  guard
  require_rust
  services install fuzz
  services remove "$STATE"
  install_schemathesis
  services start "$STATE" --throw-away
  export_settings "$STATE"
  start_gateway
  for email in "${FUZZED_SIGN_INS[@]}"; do
    fuzz_as "$email" || found=yes
  done
  [ "$found" = no ] || fail "schemathesis found faults: they are above; the gateway's log is $STATE/gateway.log."
}

main "$@"
