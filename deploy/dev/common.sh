# shellcheck shell=bash
# What the development scripts share: messages, ports, locks, and running as an unprivileged user.
# Sourced, never run.

set -euo pipefail

PROJECT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck disable=SC2034 # For those who source this.
readonly PROJECT_ROOT
# Settings of another PostgreSQL in the caller's shell must not lead these scripts to it.
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGSERVICE PGSERVICEFILE PGOPTIONS PGDATA \
  PGSSLMODE PGSSLROOTCERT PGCLIENTENCODING REDISCLI_AUTH
# Messages of the servers are read below.
export LC_ALL=C.UTF-8
# Scripts that call each other count the same time.
export DEV_SCRIPTS_BEGAN=${DEV_SCRIPTS_BEGAN:-$EPOCHSECONDS}

# Says what is being done, with the time since the start.
say() {
  # The terminal may be closed by now, which must not keep anybody from stopping the services.
  printf '[%4ds] %s\n' "$((EPOCHSECONDS - DEV_SCRIPTS_BEGAN))" "$*" >&2 2>/dev/null || true
}

# Ends the script with one sentence that says what to do.
fail() {
  printf '\n%s\n' "$*" >&2 || true
  exit 1
}

have() {
  command -v "$1" >/dev/null 2>&1
}

require_linux() {
  [ -d /proc/self/fd ] ||
    fail "The development services need Linux: work in a Debian 12 machine, virtual machine or container."
}

is_root() {
  [ "$(id -u)" -eq 0 ]
}

# The user that the servers run as: PostgreSQL refuses root.
service_user() {
  if ! is_root; then
    id -un
  elif id postgres >/dev/null 2>&1; then
    echo postgres
  else
    echo nobody
  fi
}

# Runs a command as the service user, away from a working directory that user may not enter, and without the lock,
# which a server that outlives the script would keep.
as_service_user() {
  if is_root; then
    local user
    user=$(service_user)
    (cd / && exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --inh-caps=-all "$@" 9>&-)
  else
    ("$@" 9>&-)
  fi
}

# True if something accepts connections on the address and port.
port_in_use() {
  local host=$1 port=$2
  (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null
}

# Prints a free loopback port. The range lies below the one that outgoing connections take theirs from.
free_port() {
  local port attempt
  for attempt in {1..200}; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    if ! port_in_use 127.0.0.1 "$port"; then
      echo "$port"
      return
    fi
  done
  fail "No free port between 20000 and 31999 was found on 127.0.0.1 in $attempt tries: end the programs that hold them."
}

# Prints the ids of the processes with one of the given names that work in a directory. Unlike a pid file, this
# cannot be out of date.
processes_in() {
  local directory=$1 process name wanted
  shift
  [ -d "$directory" ] || return 0
  for process in /proc/[0-9]*; do
    [ "$process/cwd" -ef "$directory" ] 2>/dev/null || continue
    name=$(cat "$process/comm" 2>/dev/null) || continue
    for wanted in "$@"; do
      if [ "$name" = "$wanted" ]; then
        echo "${process#/proc/}"
      fi
    done
  done
}

# Waits until a command succeeds; false after so many seconds.
wait_until() {
  local limit=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$limit" ] || return 1
    sleep 0.1
  done
}

# Free space for ordinary users where a path lies, in MiB.
free_mebibytes() {
  df -Pk "$1" | awk 'NR == 2 { print int($4 / 1024) }'
}

require_space() {
  local path=$1 needed=$2 purpose=$3 free
  free=$(free_mebibytes "$path")
  [ "$free" -ge "$needed" ] ||
    fail "The disk is full: $purpose needs $needed MiB, and $free MiB are free below $path; make room and start again."
}

# Takes a lock in a state directory for as long as this script lives (file descriptor 9), and writes down who has it.
# Waits so many seconds for it; false if it was not to be had. No wait is too short: what a killed script had just
# started holds the lock for a moment longer.
take_lock() {
  local file=$1/$2 patience=$3
  mkdir -p "$1"
  while true; do
    # Not truncated: another may have written its process id there.
    exec 9>>"$file"
    flock -w "$patience" 9 || return 1
    # Whoever had it may have removed the directory meanwhile, and then this lock locks nothing.
    [ "$file" -ef /proc/self/fd/9 ] && break
    mkdir -p "$1"
  done
  echo "$$" >"$file"
}

# The process that holds a state directory's lock, or nothing.
lock_holder() {
  local file=$1/$2
  [ -e "$file" ] || return 0
  if (exec 8<"$file" && flock -n 8); then
    return 0
  fi
  cat "$file"
}

# Random letters and digits for a password.
random_password() {
  openssl rand -hex 24
}
