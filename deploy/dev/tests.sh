#!/usr/bin/env bash
# Tests of the development scripts: real servers, in a copy of the scripts, with a stand-in for cargo.

# shellcheck source=deploy/dev/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

WORK=
PASSED=0
# What is started here and not by the scripts.
HELPERS=()

clean_up() {
  trap - EXIT
  local helper state
  for helper in "${HELPERS[@]}"; do
    kill -KILL "$helper" 2>/dev/null || true
  done
  for state in "$WORK"/*/.dev "$WORK"/*/.test/*; do
    [ ! -d "$state" ] || "$WORK/project/deploy/dev/services.sh" remove "$state" 2>/dev/null || true
  done
  rm -rf "$WORK"
}

passed() {
  PASSED=$((PASSED + 1))
  say "  ok: $1"
}

expect() {
  local what=$1
  shift
  "$@" >>"$WORK/output" 2>&1 || {
    tail -n 40 "$WORK/output" >&2
    fail "The development scripts are broken: $what."
  }
}

expect_not() {
  local what=$1
  shift
  ! "$@" >>"$WORK/output" 2>&1 || fail "The development scripts are broken: $what."
}

services() {
  "$WORK/project/deploy/dev/services.sh" "$@"
}

# The settings of an instance, one of them printed.
setting() {
  (
    eval "$("$WORK/project/deploy/dev/services.sh" env "$1")"
    printf '%s' "${!2}"
  )
}

sql() {
  local url
  url=$(setting "$1" "$2")
  psql -X -q -At -v ON_ERROR_STOP=1 "$url" -c "$3"
}

# The servers that work for an instance.
servers() {
  local place
  place=$(readlink -f "$1/services")
  processes_in "$place/postgres/data" postgres
  processes_in "$place/redis" redis-server
}

gateway_gone() {
  ! port_in_use 127.0.0.1 "${TASKMED_LISTEN##*:}"
}

no_servers() {
  [ -z "$(servers "$1")" ]
}

# Something that takes a port and answers every request with 200, under the name of the gateway.
listener='
  use IO::Socket::INET;
  $SIG{TERM} = sub { exit 0 };
  $socket = IO::Socket::INET->new(LocalAddr => $ARGV[0], Listen => 5, ReuseAddr => 1) or exit 1;
  while ($client = $socket->accept) { <$client>; print $client "HTTP/1.1 200 OK\r\n\r\n"; close $client }'

# Takes an address until the tests end.
listen_on() {
  "$WORK/bin/taskmed" "$WORK/bin/listener" "$1" &
  HELPERS+=("$!")
  # Else the shell reports how it ended.
  disown "$!"
}

# A copy of the scripts, and a `cargo` whose gateway is the listener.
prepare() {
  WORK=$(mktemp -d)
  trap clean_up EXIT
  trap 'exit 143' TERM INT
  # As a developer's folder is, so that the servers' user gets there.
  chmod 755 "$WORK"
  mkdir -p "$WORK/project" "$WORK/bin"
  cp -R "$PROJECT_ROOT/deploy" "$WORK/project/"
  ln -s "$(command -v perl)" "$WORK/bin/taskmed"
  printf '%s' "$listener" >"$WORK/bin/listener"
  cat >"$WORK/bin/cargo" <<'CARGO'
#!/usr/bin/env bash
echo "$*" >>"$(dirname "$0")/calls"
case "$*" in
  *"-- serve") exec "$(dirname "$0")/taskmed" "$(dirname "$0")/listener" "$TASKMED_LISTEN" ;;
esac
CARGO
  chmod 755 "$WORK/bin/cargo"
}

test_starts_once_and_goes_on() {
  local state=$WORK/project/.dev before
  expect "a first start works" services start "$state"
  expect "the owner can make a table" sql "$state" TASKMED_DATABASE_OWNER_URL 'CREATE TABLE kept (id int)'
  expect_not "the server's role must not make tables" sql "$state" TASKMED_DATABASE_URL 'CREATE TABLE stray (id int)'
  before=$(servers "$state")
  expect "starting what runs works" services start "$state"
  [ "$before" = "$(servers "$state")" ] || fail "The development scripts are broken: what ran was started again."
  expect "stopping works" services stop "$state"
  expect "nothing runs after a stop" no_servers "$state"
  expect "a second start works" services start "$state"
  expect "the data is still there" sql "$state" TASKMED_DATABASE_OWNER_URL 'SELECT * FROM kept'
  passed "services start, stop and go on with their data"
}

test_survives_a_kill() {
  local state=$WORK/project/.dev
  # shellcheck disable=SC2046 # One word per process id.
  kill -KILL $(servers "$state")
  expect "a start after a kill works" services start "$state"
  expect "the data survives a kill" sql "$state" TASKMED_DATABASE_OWNER_URL 'SELECT * FROM kept'
  # A process id in a left-over file that is another program's by now: this script's.
  services stop "$state" 2>/dev/null
  echo "$$" >"$state/services/postgres/data/postmaster.pid"
  echo "$$" >"$state/services/redis/redis.pid"
  expect "a start with stale process ids works" services start "$state"
  passed "services come back after a kill and with stale process ids"
}

test_moves_from_a_taken_port() {
  local state=$WORK/project/.dev port
  services stop "$state" 2>/dev/null
  port=$(sed -n 's/^POSTGRES_PORT=//p' "$state/services/ports")
  listen_on "127.0.0.1:$port"
  expect "the port gets taken" wait_until 10 port_in_use 127.0.0.1 "$port"
  expect "a start with its port taken works" services start "$state"
  expect_not "the taken port is left alone" grep -q "=$port\$" "$state/services/ports"
  expect "the data moved along" sql "$state" TASKMED_DATABASE_OWNER_URL 'SELECT * FROM kept'
  services stop "$state" 2>/dev/null
  passed "a port that was taken meanwhile is given up"
}

test_repeats_an_interrupted_initdb() {
  local state=$WORK/project/.test/interrupted
  services start "$state" --throw-away 2>/dev/null
  services stop "$state" 2>/dev/null
  mv "$state/services/postgres/data" "$state/services/postgres/unfinished"
  rm "$state/services/postgres/unfinished/PG_VERSION"
  # Left by an interruption between the two servers as well.
  rm "$state/services/prepared"
  expect "a start after an interrupted initdb works" services start "$state" --throw-away
  expect "the test owner can make databases" sql "$state" TASKMED_TEST_ADMIN_URL 'CREATE DATABASE of_a_test'
  expect "removing works" services remove "$state"
  expect_not "the data is gone" test -e "$state/services"
  passed "an interrupted initdb is repeated"
}

test_places_data_where_the_servers_get() {
  is_root || return 0
  local state=$WORK/closed/.dev place
  mkdir -m 700 "$WORK/closed"
  expect "a start in an unreachable folder works" services start "$state"
  place=$(readlink -f "$state/services")
  [[ $place == /var/lib/taskmed-dev-* ]] || fail "The development scripts are broken: $place is not elsewhere."
  expect "its data is in use" sql "$state" TASKMED_DATABASE_OWNER_URL 'CREATE TABLE kept (id int)'
  # The folder may be thrown away and cloned again: the data is found by the folder's name.
  services stop "$state" 2>/dev/null
  rm -rf "$state"
  expect "a start finds it again" services start "$state"
  expect "its data is still there" sql "$state" TASKMED_DATABASE_OWNER_URL 'SELECT * FROM kept'
  expect "removing works" services remove "$state"
  expect_not "the data elsewhere is gone" test -e "$place"
  passed "data goes where the servers' user gets"
}

run_script() {
  PATH="$WORK/bin:$PATH" "$WORK/project/deploy/dev/$1.sh"
}

start_run() {
  # Emptied before anything looks at it: what the run before wrote would pass for readiness.
  : >"$WORK/run"
  # A shell makes what it starts in the background deaf to SIGINT; as typed, it is not.
  PATH="$WORK/bin:$PATH" perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$WORK/project/deploy/dev/run.sh" \
    >"$WORK/run" 2>&1 &
  RUN=$!
  HELPERS+=("$RUN")
  expect "make run gets ready" wait_until 60 grep -q '/docs' "$WORK/run"
}

test_runs_and_stops_everything() {
  local state=$WORK/project/.dev status=0
  TASKMED_LISTEN=127.0.0.1:$(free_port)
  TASKMED_ADMIN_LISTEN=127.0.0.1:$(free_port)
  export TASKMED_LISTEN TASKMED_ADMIN_LISTEN
  start_run
  grep -q -- '-- migrate' "$WORK/bin/calls" || fail "The development scripts are broken: make run does not migrate."
  expect_not "a second make run gives way" run_script run
  expect "the second says why" grep -q 'already running' "$WORK/output"
  kill -INT "$RUN"
  wait "$RUN" || status=$?
  [ "$status" -eq 0 ] || fail "The development scripts are broken: Ctrl-C ends make run with status $status."
  expect "Ctrl-C stops the services" no_servers "$state"
  expect "Ctrl-C stops the gateway" gateway_gone
  passed "make run starts everything, and Ctrl-C stops it"

  start_run
  kill -KILL "$RUN"
  wait "$RUN" 2>/dev/null || true
  expect "a killed make run takes its gateway along" wait_until 10 gateway_gone
  start_run
  expect "make stop works" run_script stop
  wait "$RUN" || fail "The development scripts are broken: make stop makes make run fail."
  expect "make stop stops the services" no_servers "$state"
  passed "make run goes on after a kill, and make stop stops it"
}

test_names_a_taken_address() {
  listen_on "$TASKMED_LISTEN"
  expect "the address gets taken" wait_until 10 port_in_use 127.0.0.1 "${TASKMED_LISTEN##*:}"
  expect_not "make run gives way to another program" run_script run
  expect "it says what to do" grep -q 'in use by another program' "$WORK/output"
  passed "a taken address is said in one sentence"
}

main() {
  prepare
  test_starts_once_and_goes_on
  test_survives_a_kill
  test_moves_from_a_taken_port
  test_repeats_an_interrupted_initdb
  test_places_data_where_the_servers_get
  test_runs_and_stops_everything
  test_names_a_taken_address
  say "development scripts: $PASSED tests passed"
}

main "$@"
