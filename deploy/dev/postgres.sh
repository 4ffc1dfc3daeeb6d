# shellcheck shell=bash
# A private PostgreSQL cluster. Sourced by services.sh; expects common.sh, and of its caller SERVICES (the directory
# of the instance), DURABLE (yes or no), the passwords and POSTGRES_PORT.

readonly OLDEST_POSTGRES=14
readonly PREPARATION_FILES=("$PROJECT_ROOT/deploy/sql/roles.sql" "$PROJECT_ROOT/deploy/sql/extensions.sql")

# Prints the directories that may hold PostgreSQL's server programs, newest version first.
postgres_candidates() {
  local directory
  for directory in $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV); do
    echo "$directory"
  done
  if have postgres; then
    dirname "$(readlink -f "$(command -v postgres)")"
  fi
}

postgres_major() {
  "$1/postgres" --version 2>/dev/null | sed -nE 's/^[^0-9]*([0-9]+).*/\1/p'
}

# Prints the newest directory of server programs that is new enough, or the one of exactly the given version.
postgres_programs() {
  local exactly=${1:-} directory major
  for directory in $(postgres_candidates); do
    [ -x "$directory/initdb" ] || continue
    major=$(postgres_major "$directory")
    [ "${major:-0}" -ge "$OLDEST_POSTGRES" ] || continue
    if [ -z "$exactly" ] || [ "$exactly" = "$major" ]; then
      echo "$directory"
      return
    fi
  done
  return 1
}

postgres_directory() {
  echo "$SERVICES/postgres"
}

postgres_data() {
  echo "$(postgres_directory)/data"
}

postgres_log() {
  echo "$(postgres_directory)/log"
}

# The programs that fit the cluster's data.
postgres_programs_of_cluster() {
  local version
  version=$(as_service_user cat "$(postgres_data)/PG_VERSION" 2>/dev/null) || version=
  postgres_programs "$version" ||
    fail "The data in $SERVICES was made by PostgreSQL $version, which is not installed: install postgresql-$version, or remove the data (\`make clean-dev\` for the development data)."
}

# psql as the superuser.
postgres_superuser() {
  local database=$1
  shift
  PGPASSWORD=$SUPERUSER_PASSWORD psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$POSTGRES_PORT" -U postgres \
    -d "$database" "$@"
}

postgres_answers() {
  [ -n "$(processes_in "$(postgres_data)" postgres)" ] &&
    postgres_superuser postgres -c 'SELECT' >/dev/null 2>&1
}

# Makes the cluster aside and renames it when whole, so that an interrupted initdb is not taken for a cluster.
postgres_create() {
  local programs=$1 unfinished password_file
  unfinished=$(postgres_directory)/unfinished
  password_file=$(postgres_directory)/password
  rm -rf "$unfinished"
  (umask 077 && printf '%s\n' "$SUPERUSER_PASSWORD" >"$password_file")
  is_root && chown "$(service_user)" "$password_file"
  say "making the PostgreSQL cluster in $SERVICES"
  local status=0
  as_service_user "$programs/initdb" -D "$unfinished" --username=postgres --pwfile="$password_file" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums \
    >"$SERVICES/initdb.log" 2>&1 || status=$?
  rm -f "$password_file"
  if [ "$status" -ne 0 ]; then
    fail_for_disk "$SERVICES/initdb.log"
    cat "$SERVICES/initdb.log" >&2
    fail "initdb failed: its messages are above; remove the cause and start again."
  fi
  mv "$unfinished" "$(postgres_data)"
}

# Writes the whole configuration, at every start: nobody edits it by hand.
postgres_configure() {
  local configuration
  configuration=$(postgres_data)/postgresql.conf
  {
    echo "# Written by deploy/dev/postgres.sh at every start."
    echo "listen_addresses = '127.0.0.1'"
    echo "port = $POSTGRES_PORT"
    echo "# The path of a socket may be too long here, or open to others; loopback does."
    echo "unix_socket_directories = ''"
    echo "max_connections = 400"
    echo "shared_buffers = 256MB"
    echo "max_wal_size = 2GB"
    echo "timezone = 'UTC'"
    echo "log_timezone = 'UTC'"
    echo "log_line_prefix = '%m [%p] %q%u@%d '"
    echo "# Values in a log are health data."
    echo "log_parameter_max_length = 0"
    echo "log_parameter_max_length_on_error = 0"
    # Some containers have no shared memory to write to.
    as_service_user test -w /dev/shm || echo "dynamic_shared_memory_type = mmap"
    if [ "$DURABLE" = no ]; then
      echo "# Thrown away after the tests, so nothing needs to survive a crash."
      echo "fsync = off"
      echo "synchronous_commit = off"
      echo "full_page_writes = off"
      echo "wal_level = minimal"
      echo "max_wal_senders = 0"
    fi
  } | as_service_user tee "$configuration" >/dev/null
}

# Ends with a sentence if a log tells of a full disk.
fail_for_disk() {
  if tail -n 50 "$1" 2>/dev/null | grep -q 'No space left on device'; then
    fail "The disk is full: PostgreSQL could not write below $SERVICES; make room and start again."
  fi
}

# Starts the server on POSTGRES_PORT; false if somebody else took that port.
postgres_try_start() {
  local programs=$1 data log
  data=$(postgres_data)
  log=$(postgres_log)
  postgres_configure
  # Only a kill leaves this behind, and its process id may be another program's by now.
  rm -f "$data/postmaster.pid"
  rm -f "$log"
  if as_service_user "$programs/pg_ctl" start -D "$data" -l "$log" -w -t 120 -s >/dev/null 2>&1 </dev/null; then
    return 0
  fi
  if grep -q 'Address already in use' "$log" 2>/dev/null; then
    return 1
  fi
  fail_for_disk "$log"
  tail -n 30 "$log" >&2 || true
  fail "PostgreSQL did not start: the end of $log is above; remove the cause and start again."
}

# Makes the roles, the databases and the template's extensions. Done once, and again when these files change.
postgres_prepare() {
  local fingerprint mark
  fingerprint=$(cat "${PREPARATION_FILES[@]}" | sha256sum | cut -d' ' -f1)
  mark=$SERVICES/prepared
  [ "$(cat "$mark" 2>/dev/null)" != "$fingerprint" ] || return 0
  say "making the database roles, the database and its extensions"
  {
    printf "\\set %s_password '%s'\n" owner "$OWNER_PASSWORD" app "$APP_PASSWORD" worker "$WORKER_PASSWORD" \
      maintenance "$MAINTENANCE_PASSWORD"
    cat "$PROJECT_ROOT/deploy/sql/roles.sql"
    if [ "$DURABLE" = no ]; then
      echo "-- Every test has its own database, made by the owner."
      echo "ALTER ROLE taskmed_owner CREATEDB;"
    fi
  } | postgres_superuser postgres
  postgres_superuser template1 -f "$PROJECT_ROOT/deploy/sql/extensions.sql"
  if [ -z "$(postgres_superuser postgres -At -c "SELECT 1 FROM pg_database WHERE datname = 'taskmed'")" ]; then
    postgres_superuser postgres -c 'CREATE DATABASE taskmed OWNER taskmed_owner'
  fi
  postgres_superuser taskmed -f "$PROJECT_ROOT/deploy/sql/extensions.sql"
  echo "$fingerprint" >"$mark"
}

# Brings the server up, whatever state the last run left. Sets POSTGRES_PORT.
postgres_start() {
  local programs attempt
  if postgres_answers; then
    postgres_prepare
    return
  fi
  make_service_directory "$(postgres_directory)"
  [ -n "$(processes_in "$(postgres_data)" postgres)" ] && postgres_stop
  programs=$(postgres_programs_of_cluster)
  as_service_user test -f "$(postgres_data)/PG_VERSION" || postgres_create "$programs"
  for attempt in {1..5}; do
    if [ -z "$POSTGRES_PORT" ] || port_in_use 127.0.0.1 "$POSTGRES_PORT"; then
      choose_port POSTGRES_PORT
    fi
    if postgres_try_start "$programs"; then
      say "PostgreSQL $(postgres_major "$programs") listens on 127.0.0.1:$POSTGRES_PORT"
      postgres_superuser postgres -c 'SELECT' >/dev/null 2>&1 ||
        fail "PostgreSQL in $SERVICES does not take the password in $SERVICES/secrets: put the right file back, or remove the data (\`make clean-dev\` for the development data)."
      postgres_prepare
      return
    fi
  done
  fail "PostgreSQL found no free port in $attempt tries: start again."
}

postgres_gone() {
  [ -z "$(processes_in "$(postgres_data)" postgres)" ]
}

# Stops the server: gracefully, then by force. Either leaves the data whole.
postgres_stop() {
  postgres_gone && return
  say "stopping PostgreSQL"
  local programs
  programs=$(postgres_programs_of_cluster)
  as_service_user "$programs/pg_ctl" stop -D "$(postgres_data)" -m fast -w -t 30 -s >/dev/null 2>&1 ||
    as_service_user "$programs/pg_ctl" stop -D "$(postgres_data)" -m immediate -w -t 10 -s >/dev/null 2>&1 || true
  # Those whose parent was killed end by themselves, once they notice.
  if ! wait_until 5 postgres_gone; then
    # shellcheck disable=SC2046 # One word per process id.
    kill -QUIT $(processes_in "$(postgres_data)" postgres) 2>/dev/null || true
    wait_until 10 postgres_gone ||
      fail "PostgreSQL in $SERVICES does not stop: end the processes $(processes_in "$(postgres_data)" postgres | xargs) by hand."
  fi
}
