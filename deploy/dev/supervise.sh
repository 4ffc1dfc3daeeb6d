# shellcheck shell=bash
# Runs programs so that an interruption ends them and the services with them. Sourced; expects common.sh.
#
# The caller sets STATE (the state directory), defines `clean_up` (what is to be done in the end), and calls `guard`.

readonly SERVICES_SCRIPT=$PROJECT_ROOT/deploy/dev/services.sh
CHILD=

# The lock stays with the script: a server that outlives it would keep it.
services() {
  "$SERVICES_SCRIPT" "$@" 9>&-
}

# From here on, however the script ends, `end_everything` runs.
guard() {
  trap 'end_everything' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
}

end_everything() {
  # Neither a second Ctrl-C nor a reader that is gone must leave half of it running.
  trap '' INT TERM HUP PIPE
  set +e
  trap - EXIT
  end_child
  clean_up
}

# Of the running program and all it started, nothing is left.
child_gone() {
  ! kill -0 -- "-$CHILD" 2>/dev/null && ! kill -0 "$CHILD" 2>/dev/null
}

# The program itself as well: it may not have got its session yet.
signal_child() {
  kill "-$1" -- "-$CHILD" "$CHILD" 2>/dev/null || true
}

# Ends the running program and all it started: gracefully, then by force.
end_child() {
  [ -n "$CHILD" ] || return 0
  signal_child TERM
  wait_until 40 child_gone || signal_child KILL
  wait "$CHILD" 2>/dev/null || true
  CHILD=
}

# Starts a program in a session of its own: a Ctrl-C reaches this script only, which then ends the program in order.
# If this script is killed, the program is told to end.
start_child() {
  setsid setpriv --pdeathsig TERM "$@" 9>&- &
  CHILD=$!
}

wait_child() {
  local status=0
  wait "$CHILD" || status=$?
  CHILD=
  return "$status"
}

run_child() {
  start_child "$@"
  wait_child
}

require_rust() {
  have cargo || fail "cargo is missing: install Rust (https://rustup.rs), open a new shell and start again."
  have cc || fail "A C compiler is missing: install one ('apt-get install build-essential' on Debian) and start again."
}

# Sets the environment of an instance's settings; a second argument chooses them by the start of their names.
export_settings() {
  local state=$1 names=${2:-TASKMED_}
  # shellcheck source=/dev/null
  . <(grep "^export $names" "$state/env")
}

# Splits an address such as 127.0.0.1:8080 or [::1]:8080 into HOST and PORT, as one would connect to it.
split_address() {
  HOST=${1%:*}
  PORT=${1##*:}
  HOST=${HOST#[}
  HOST=${HOST%]}
  case $HOST in
    0.0.0.0) HOST=127.0.0.1 ;;
    ::) HOST=::1 ;;
  esac
}

# True if the gateway at an address says that it is ready.
gateway_ready() {
  local status_line
  split_address "$1"
  status_line=$(
    # Until it listens, that it does not is no news.
    exec 2>/dev/null
    exec 3<>"/dev/tcp/$HOST/$PORT"
    printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
    IFS= read -r -t 5 line <&3 && printf '%s' "$line"
  ) || true
  [[ $status_line == "HTTP/1.1 200"* ]]
}

# Builds the gateway and runs one of its commands to the end.
gateway() {
  run_child cargo run --quiet --package taskmed-gateway --bin taskmed -- "$@"
}

build_gateway() {
  say "building the gateway$1"
  run_child cargo build --package taskmed-gateway --bin taskmed || {
    require_space "$PROJECT_ROOT" 500 "the build"
    fail "The gateway could not be built: cargo's messages are above."
  }
}

# A gateway whose script was killed is still there, and holds the address.
stop_leftover_gateway() {
  local process
  process=$(cat "$STATE/gateway" 2>/dev/null) || return 0
  if [ "$(cat "/proc/$process/comm" 2>/dev/null)" = taskmed ]; then
    say "stopping the gateway that the last run left behind"
    CHILD=$process
    end_child
  fi
  rm -f "$STATE/gateway"
}

# Sets every rate limit of .env.example so high that none is met: the same person sends everything there.
raise_rate_limits() {
  local name
  while read -r name; do
    export "$name=1000000"
  done < <(grep -oE '\bTASKMED_RATE_LIMIT_[A-Z_]+' "$PROJECT_ROOT/.env.example" | sort -u)
}
