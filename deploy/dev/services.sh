#!/usr/bin/env bash
# Private PostgreSQL and Redis servers for development and tests, on loopback ports and data of their own.
# No server, cluster or data of the system is ever touched.
#
#   services.sh install [test] [lint] [bench] [fuzz]   install what is missing
#   services.sh start DIRECTORY [--throw-away]         start; throw-away data is fast and not crash-safe
#   services.sh stop DIRECTORY                         stop
#   services.sh status DIRECTORY                       say what runs; fails unless both do
#   services.sh env DIRECTORY                          print the settings for this instance, for a shell to read
#   services.sh remove DIRECTORY                       stop, and remove all data
#
# DIRECTORY/services holds everything, or is a link to where it lies when DIRECTORY is out of reach for the user
# that the servers run as.

# shellcheck source=deploy/dev/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=deploy/dev/install.sh
. "$PROJECT_ROOT/deploy/dev/install.sh"
# shellcheck source=deploy/dev/postgres.sh
. "$PROJECT_ROOT/deploy/dev/postgres.sh"
# shellcheck source=deploy/dev/redis.sh
. "$PROJECT_ROOT/deploy/dev/redis.sh"

# Marks a directory as one that these scripts made, and so may remove.
readonly MARK=taskmed-services

# True if the service user can keep private files in a directory: it can get there, owners are honoured and so are modes.
usable_by_service_user() {
  local probe="$1/probe.$$" usable=no
  if mkdir -p "$1" 2>/dev/null && chmod 711 "$1" 2>/dev/null && mkdir "$probe" 2>/dev/null; then
    if { ! is_root || chown "$(service_user)" "$probe" 2>/dev/null; } &&
      chmod 700 "$probe" && [ "$(stat -c %a "$probe")" = 700 ] &&
      as_service_user touch "$probe/file" 2>/dev/null; then
      usable=yes
    fi
    rm -rf "$probe"
  fi
  [ "$usable" = yes ]
}

# Where the data of an unreachable directory goes.
elsewhere() {
  local hash
  hash=$(printf '%s' "$1" | sha256sum | cut -c1-12)
  if is_root; then
    echo "/var/lib/taskmed-dev-$hash"
  else
    echo "${XDG_STATE_HOME:-$HOME/.local/state}/taskmed-dev-$hash"
  fi
}

# Decides where the instance lies, once, and makes the place.
place_services() {
  local state=$1 place
  if [ ! -e "$state/services/$MARK" ]; then
    mkdir -p "$state"
    rm -f "$state/services" 2>/dev/null || true
    place=$state/services
    if ! usable_by_service_user "$place"; then
      rmdir "$place" 2>/dev/null || true
      place=$(elsewhere "$state")
      say "the user $(service_user) cannot use $state, so the data goes to $place"
      usable_by_service_user "$place" ||
        fail "The user $(service_user) can use neither $state nor $place: move the project to a folder that this user can reach."
      ln -sfn "$place" "$state/services"
    fi
    echo "$state" >"$state/services/$MARK"
  fi
}

# Makes a directory that belongs to the service user alone.
make_service_directory() {
  mkdir -p "$1"
  chmod 700 "$1"
  if is_root; then
    chown "$(service_user)" "$1"
  fi
}

# Reads the passwords, and makes them first if there are none.
load_secrets() {
  local file=$SERVICES/secrets name
  if [ ! -s "$file" ]; then
    (
      umask 077
      for name in SUPERUSER OWNER APP WORKER MAINTENANCE REDIS; do
        echo "${name}_PASSWORD=$(random_password)"
      done >"$file.new"
      echo "MASTER_KEY=$(openssl rand -base64 32)" >>"$file.new"
      mv "$file.new" "$file"
    )
  fi
  # shellcheck source=/dev/null
  . "$file"
}

load_ports() {
  POSTGRES_PORT=
  REDIS_PORT=
  if [ -s "$SERVICES/ports" ]; then
    # shellcheck source=/dev/null
    . "$SERVICES/ports"
  fi
}

# Gives a server a new free port and remembers it.
choose_port() {
  local name=$1
  if [ -n "${!name}" ]; then
    say "port ${!name} is taken by another program now"
  fi
  printf -v "$name" '%s' "$(free_port)"
  printf 'POSTGRES_PORT=%s\nREDIS_PORT=%s\n' "$POSTGRES_PORT" "$REDIS_PORT" >"$SERVICES/ports"
}

# The key that signs access tokens.
make_signing_key() {
  local directory=$SERVICES/signing-keys
  mkdir -p "$directory"
  chmod 700 "$directory"
  if [ -z "$(find "$directory" -name '*.pem' -print -quit)" ]; then
    (umask 077 && openssl genpkey -algorithm ed25519 -out "$directory/new" && mv "$directory/new" "$directory/development.pem")
  fi
}

# Opens an existing instance; false if there is none.
open_instance() {
  local state=$1
  [ -e "$state/services/$MARK" ] || return 1
  SERVICES=$(readlink -f "$state/services")
  DURABLE=yes
  [ ! -e "$SERVICES/throw-away" ] || DURABLE=no
  load_secrets
  load_ports
}

start() {
  local state=$1 option=${2:-}
  local tool
  for tool in openssl psql redis-server redis-cli; do
    have "$tool" || fail "$tool is missing: run 'deploy/dev/services.sh install' first."
  done
  postgres_programs >/dev/null || fail "PostgreSQL $OLDEST_POSTGRES or newer is missing: run 'deploy/dev/services.sh install' first."
  place_services "$state"
  if [ "$option" = --throw-away ]; then
    touch "$state/services/throw-away"
  fi
  require_space "$state/services/" 512 "PostgreSQL"
  open_instance "$state"
  make_signing_key
  postgres_start
  redis_start
  (umask 077 && env_of_instance "$state" >"$state/env.new" && mv "$state/env.new" "$state/env")
}

stop() {
  open_instance "$1" || return 0
  redis_stop
  postgres_stop
}

status() {
  local result=0
  open_instance "$1" || fail "Nothing was ever started in $1."
  if postgres_answers; then
    echo "PostgreSQL: 127.0.0.1:$POSTGRES_PORT, data in $(postgres_data)"
  else
    echo "PostgreSQL: stopped"
    result=1
  fi
  if redis_answers; then
    echo "Redis: 127.0.0.1:$REDIS_PORT"
  else
    echo "Redis: stopped"
    result=1
  fi
  return "$result"
}

database_url() {
  echo "postgres://$1:$2@127.0.0.1:$POSTGRES_PORT/$3"
}

env_of_instance() {
  local state=$1
  open_instance "$1" || fail "Nothing was ever started in $1: run 'deploy/dev/services.sh start $1' first."
  local redis_url="redis://:$REDIS_PASSWORD@127.0.0.1:$REDIS_PORT/0"
  {
    echo "TASKMED_DATABASE_URL=$(database_url taskmed_app "$APP_PASSWORD" taskmed)"
    echo "TASKMED_DATABASE_OWNER_URL=$(database_url taskmed_owner "$OWNER_PASSWORD" taskmed)"
    echo "TASKMED_DATABASE_WORKER_URL=$(database_url taskmed_worker "$WORKER_PASSWORD" taskmed)"
    echo "TASKMED_DATABASE_MAINTENANCE_URL=$(database_url taskmed_maintenance "$MAINTENANCE_PASSWORD" taskmed)"
    echo "TASKMED_REDIS_URL=$redis_url"
    echo "TASKMED_FILES_DIR=$state/files"
    echo "TASKMED_MASTER_KEY=$MASTER_KEY"
    echo "TASKMED_SIGNING_KEYS_DIR=$SERVICES/signing-keys"
    if [ "$DURABLE" = no ]; then
      echo "TASKMED_TEST_ADMIN_URL=$(database_url taskmed_owner "$OWNER_PASSWORD" postgres)"
      echo "TASKMED_TEST_APP_URL=$(database_url taskmed_app "$APP_PASSWORD" taskmed)"
      echo "TASKMED_TEST_WORKER_URL=$(database_url taskmed_worker "$WORKER_PASSWORD" taskmed)"
      echo "TASKMED_TEST_MAINTENANCE_URL=$(database_url taskmed_maintenance "$MAINTENANCE_PASSWORD" taskmed)"
      echo "TASKMED_TEST_REDIS_URL=$redis_url"
    fi
  } | while read -r line; do
    # The first "=" ends the name; a key in base64 ends with one of its own.
    printf 'export %s=%q\n' "${line%%=*}" "${line#*=}"
  done
}

remove() {
  local state=$1
  stop "$state"
  if [ -e "$state/services/$MARK" ]; then
    rm -rf "$(readlink -f "$state/services")"
  fi
  rm -rf "$state/services" "$state/env" "$state/services.lock" "$state/files"
}

# One command at a time for an instance.
lock_instance() {
  take_lock "$1" services.lock 180 ||
    fail "Another command (process $(lock_holder "$1" services.lock)) has been at the services in $1 for three minutes: wait for it, or end it."
}

main() {
  local command=${1:-} state=${2:-}
  [ $# -eq 0 ] || shift
  case $command in
    install) install_missing "$@" ;;
    start | stop | status | env | remove)
      [ -n "$state" ] || fail "usage: services.sh $command DIRECTORY"
      require_linux
      state=$(realpath -m "$state")
      shift
      case $command in
        env) env_of_instance "$state" ;;
        status) status "$state" ;;
        *)
          if [ "$command" = start ] || [ -e "$state" ]; then
            lock_instance "$state"
            "$command" "$state" "$@"
          fi
          ;;
      esac
      ;;
    *) fail "usage: services.sh install | start | stop | status | env | remove DIRECTORY" ;;
  esac
}

main "$@"
