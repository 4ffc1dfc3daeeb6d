#!/usr/bin/env bash
# `make run`: a development server with everything it needs, from nothing. Ctrl-C stops all of it.

# shellcheck source=deploy/dev/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=deploy/dev/supervise.sh
. "$PROJECT_ROOT/deploy/dev/supervise.sh"

STATE=$PROJECT_ROOT/.dev

clean_up() {
  services stop "$STATE" || true
  rm -f "$STATE/gateway"
  say "everything is stopped; the data stays in .dev, and 'make clean-dev' removes it"
}

# Takes settings from the file .env that are not in the environment already.
load_dotenv() {
  local line name value
  [ -f "$PROJECT_ROOT/.env" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || continue
    name=${BASH_REMATCH[2]}
    value=${BASH_REMATCH[3]}
    value=${value%$'\r'}
    # Quotes around the whole value are not part of it.
    [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]] && value=${BASH_REMATCH[1]}
    if [ -z "${!name+set}" ]; then
      export "$name=$value"
    fi
  done <"$PROJECT_ROOT/.env"
}

require_free_address() {
  local name=$1 address=${!1}
  split_address "$address"
  [[ $PORT =~ ^[0-9]+$ ]] || fail "$name=$address is no address: write it as 127.0.0.1:8080."
  if port_in_use "$HOST" "$PORT"; then
    fail "$address is in use by another program: stop that one, or choose another address, such as '$name=$HOST:$((PORT + 1)) make run'."
  fi
}

print_welcome() {
  cat <<WELCOME

  TaskMed runs at   http://$TASKMED_LISTEN
  its documentation http://$TASKMED_LISTEN/docs

  Sign in as        owner@ admin@ practitioner@ reception@ billing@ auditor@
  of the clinics    aurora.example (São Paulo) or horizonte.example (Manaus)
  with the password demo-taskmed-2026

  Ctrl-C stops everything; 'make run' goes on where it was.

WELCOME
}

# Waits until the gateway answers; false if it ended instead.
await_gateway() {
  local limit=$((SECONDS + 120))
  until gateway_ready "$TASKMED_LISTEN"; do
    kill -0 "$CHILD" 2>/dev/null || return 1
    [ "$SECONDS" -lt "$limit" ] ||
      fail "The gateway did not get ready within two minutes: its messages above say what it waits for."
    sleep 0.2
  done
}

serve() {
  local status=0
  say "starting the gateway"
  # The server must not be able to pass row-level security, so it does not learn how.
  start_child env -u TASKMED_DATABASE_OWNER_URL -u TASKMED_DATABASE_MAINTENANCE_URL \
    cargo run --quiet --package taskmed-gateway --bin taskmed -- serve
  echo "$CHILD" >"$STATE/gateway"
  if await_gateway; then
    print_welcome
  fi
  # From here on, being stopped is how it is meant to end.
  trap 'exit 0' INT TERM
  wait_child || status=$?
  fail "The gateway ended by itself with status $status: its last messages are above."
}

main() {
  require_linux
  cd "$PROJECT_ROOT"
  have flock || services install
  take_lock "$STATE" lock 2 ||
    fail "'make run' is already running here (process $(lock_holder "$STATE" lock)): use that one, or end it with 'make stop'."
  guard
  load_dotenv
  export TASKMED_ENVIRONMENT=development
  export TASKMED_LISTEN=${TASKMED_LISTEN:-127.0.0.1:8080} TASKMED_ADMIN_LISTEN=${TASKMED_ADMIN_LISTEN:-127.0.0.1:9090}
  require_rust
  stop_leftover_gateway
  require_free_address TASKMED_LISTEN
  require_free_address TASKMED_ADMIN_LISTEN
  require_space "$STATE" 1024 "a development build and its data"
  services install
  services start "$STATE"
  export_settings "$STATE"
  build_gateway " (the first time takes some minutes)"
  say "migrating the database"
  gateway migrate || fail "The migration failed: its messages are above."
  say "seeding the demo clinics"
  gateway seed-demo || fail "The demo data could not be made: the messages above say why."
  serve
}

main "$@"
