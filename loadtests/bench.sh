#!/usr/bin/env bash
# `make bench`: loads the recorded appointments into services of its own, then measures the release build of the gateway
# against its ceilings, in one run and with the same clients: cached reads against a bare actix-web handler with the same
# bytes, uncached reads and bookings against pgbench with the same SQL and without row-level security. Both sides of a row
# take turns; the median of the rounds counts. Writes loadtests/reports/latest.json.
#
# Two rows have no ceiling: "jobs", small jobs a second and the delay of urgent ones while bulk work floods the queue, by a
# worker of its own; and "live", how soon after a commit the news of it are on BENCH_SOCKETS live connections.
#
# BENCH_DATA names the file of recorded appointments; BENCH_SECONDS and BENCH_ROUNDS set how long and how often each side
# of a row runs, BENCH_CLIENTS with how many connections, BENCH_ROWS which rows.

# shellcheck source=deploy/dev/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../deploy/dev/common.sh"
# shellcheck source=deploy/dev/supervise.sh
. "$PROJECT_ROOT/deploy/dev/supervise.sh"

STATE=$PROJECT_ROOT/.test/bench
readonly HERE=$PROJECT_ROOT/loadtests
readonly DATA=${BENCH_DATA:-$PROJECT_ROOT/../shared/data/vitoria-appointments-2016.csv.gz}
readonly DURATION=${BENCH_SECONDS:-3}
readonly ROUNDS=${BENCH_ROUNDS:-3}
read -ra CLIENTS <<<"${BENCH_CLIENTS:-1 16 64}"
read -ra ROWS <<<"${BENCH_ROWS:-contact-cached agenda-cached inbox-cached talk-cached contact-uncached agenda-uncached \
  search-uncached inbox-uncached talk-uncached book jobs live}"
readonly SOCKETS=${BENCH_SOCKETS:-1000}
# The clinic with the most appointments; it has conversations as well.
readonly CLINIC_SLUG=vitoria-jardim-camburi
# So many different questions, of which pgbench, which prepares each on each connection, asks the first few.
readonly QUESTIONS=100 QUESTIONS_OF_PGBENCH=8
# What is read by cached rows and by uncached ones.
readonly READS=(contact agenda inbox talk)
# So many practitioners are booked by pgbench.
readonly PRACTITIONERS_OF_PGBENCH=4
# So many slots are set aside for each run of wrk or pgbench, more than it can book.
readonly SLOTS=$((10000 * DURATION))

STARTED=()
GATEWAY=

clean_up() {
  local process
  for process in "${STARTED[@]}"; do
    CHILD=$process
    end_child
  done
  services remove "$STATE" || true
  rm -f "$STATE/lock"
}

# Starts a program that runs until the end; its output goes to a log.
start_server() {
  local log=$1
  shift
  start_child "$@" >"$STATE/$log" 2>&1
  STARTED+=("$CHILD")
  CHILD=
}

loadtests() {
  run_child "$PROJECT_ROOT/target/release/taskmed-loadtests" "$@"
}

build() {
  say "building the gateway and the load tests, as released"
  run_child cargo build --quiet --release --package taskmed-gateway --package taskmed-loadtests --bins || {
    require_space "$PROJECT_ROOT" 2000 "the build"
    fail "The release build failed: cargo's messages are above."
  }
}

# What psql and pgbench sign in as: a role that row-level security does not bind.
set_database() {
  [[ $TASKMED_DATABASE_MAINTENANCE_URL =~ ^postgres://([^:]+):([^@]+)@([^:]+):([0-9]+)/(.+)$ ]] ||
    fail "TASKMED_DATABASE_MAINTENANCE_URL in $STATE/env is no PostgreSQL URL: remove $STATE and start again."
  export PGUSER=${BASH_REMATCH[1]} PGPASSWORD=${BASH_REMATCH[2]} PGHOST=${BASH_REMATCH[3]} PGPORT=${BASH_REMATCH[4]} \
    PGDATABASE=${BASH_REMATCH[5]}
}

query() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1"
}

load_data() {
  local began
  [ -r "$DATA" ] || fail "The recorded appointments are not there: set BENCH_DATA to vitoria-appointments-2016.csv.gz."
  run_child "$PROJECT_ROOT/target/release/taskmed" migrate
  say "loading the recorded appointments"
  began=$EPOCHREALTIME
  loadtests load "$DATA" 2>"$STATE/bad-rows" || {
    cat "$STATE/bad-rows" >&2
    fail "The recorded appointments could not be loaded."
  }
  sample load 0 ours "$(awk -v from="$began" -v until="$EPOCHREALTIME" 'BEGIN { print until - from }')"
  say "$(wc -l <"$STATE/bad-rows") bad rows were left out, see $STATE/bad-rows"
  say "inventing conversations in $CLINIC_SLUG"
  loadtests talk "$CLINIC_SLUG" || fail "The conversations could not be written."
}

has_row() {
  [[ " ${ROWS[*]} " == *" $1 "* ]]
}

# Starts a gateway; sets ADDRESS.
start_gateway() {
  local name=$1
  shift
  ADDRESS=127.0.0.1:$(free_port)
  start_server "$name.log" env -u TASKMED_DATABASE_OWNER_URL -u TASKMED_DATABASE_MAINTENANCE_URL \
    TASKMED_LISTEN="$ADDRESS" TASKMED_ADMIN_LISTEN="127.0.0.1:$(free_port)" TASKMED_WORKERS="$WORKERS" \
    TASKMED_ENVIRONMENT=production TASKMED_DRAIN_SECONDS=0 "$@" "$PROJECT_ROOT/target/release/taskmed" serve
  wait_until 60 gateway_ready "$ADDRESS" || {
    tail -n 30 "$STATE/$name.log" >&2
    fail "The gateway did not get ready within a minute: the end of its log is above."
  }
}

# Small jobs a second, and the delay of urgent ones under a flood. Before there are gateways, whose workers would join in.
measure_jobs() {
  has_row jobs || return 0
  say "measuring the queue"
  "$PROJECT_ROOT/target/release/taskmed-loadtests" jobs >>"$STATE/samples" || fail "The queue could not be measured."
}

start_servers() {
  WORKERS=$(nproc)
  raise_rate_limits
  say "starting the gateway twice, with its cache and without; $WORKERS workers each, rate limits raised"
  # All live connections are one person's.
  start_gateway gateway TASKMED_REALTIME_SOCKETS_PER_PRINCIPAL="$SOCKETS"
  GATEWAY=${STARTED[-1]}
  CACHED=$ADDRESS
  start_gateway gateway-uncached TASKMED_CACHE_MEGABYTES=0
  UNCACHED=$ADDRESS
}

start_bare() {
  BARE=127.0.0.1:$(free_port)
  start_server bare.log "$PROJECT_ROOT/target/release/taskmed-loadtests" bare "$STATE/bytes" --listen "$BARE" \
    --workers "$WORKERS"
  wait_until 20 answers_from "$BARE" || fail "The bare server did not start: see $STATE/bare.log."
}

answers_from() {
  split_address "$1"
  port_in_use "$HOST" "$PORT"
}

sign_in() {
  local answer
  answer=$(curl -sS -X POST "http://$CACHED/v1/auth/login" -H 'Content-Type: application/json' \
    -d "{\"email\":\"load@taskmed.example\",\"password\":\"demo-taskmed-2026\",\"clinic_slug\":\"$CLINIC_SLUG\"}")
  BENCH_TOKEN=$(sed -nE 's/.*"access_token":"([^"]+)".*/\1/p' <<<"$answer")
  [ -n "$BENCH_TOKEN" ] || fail "Nobody could sign in to $CLINIC_SLUG: $answer"
  export BENCH_TOKEN BENCH_WRK=$HERE/wrk
}

# Writes down what will be asked: people, days, beginnings of names, inboxes, conversations.
choose_questions() {
  local people days prefixes inboxes talks name
  CLINIC=$(query "SELECT id FROM clinics WHERE slug = '$CLINIC_SLUG'")
  SERVICE=$(query "SELECT id FROM services WHERE clinic_id = '$CLINIC'")
  people=$(query "SELECT id FROM contacts WHERE clinic_id = '$CLINIC' ORDER BY md5(id::text) LIMIT $QUESTIONS")
  days=$(query "SELECT practitioner_id || ' ' || timezone('America/Sao_Paulo', starts_at)::date FROM appointments
    WHERE clinic_id = '$CLINIC' GROUP BY 1, practitioner_id, timezone('America/Sao_Paulo', starts_at)::date
    HAVING count(*) >= 20 ORDER BY md5(practitioner_id::text || min(starts_at)) LIMIT $QUESTIONS")
  # A page is full, so that one statement finds it.
  prefixes=$(query "SELECT left(search_name, 4) FROM contacts WHERE clinic_id = '$CLINIC' AND archived_at IS NULL
    AND left(search_name, 4) ~ '^[a-z]{4}$' GROUP BY 1 HAVING count(*) > 25 ORDER BY md5(left(search_name, 4))
    LIMIT $QUESTIONS")
  inboxes=$(query "SELECT id FROM inboxes WHERE clinic_id = '$CLINIC' ORDER BY id")
  # Long ones; with the bounds of the ids that are looked through, and the ids of the messages whose files are asked for.
  talks=$(query "SELECT v.id || ' ' || lowest_uuid_at(v.created_at - interval '1 day') || ' '
      || lowest_uuid_at(now() + interval '1 day') || ' ' || (SELECT array_agg(m.id)::text FROM (SELECT id FROM messages
        WHERE clinic_id = v.clinic_id AND conversation_id = v.id ORDER BY sent_at DESC, number DESC LIMIT 51) AS m)
    FROM conversations v WHERE v.clinic_id = '$CLINIC' AND v.message_count > 50 ORDER BY md5(v.id::text) LIMIT $QUESTIONS")
  sed 's|^|/v1/contacts/|' <<<"$people" >"$STATE/contact.paths"
  sed -E 's|^([^ ]+) (.+)$|/v1/appointments?practitioner_id=\1\&from=\2\&to=\2\&include=contact,practitioner\&limit=100|' \
    <<<"$days" >"$STATE/agenda.paths"
  sed 's|^|/v1/contacts?q=|' <<<"$prefixes" >"$STATE/search.paths"
  sed 's|^.*$|/v1/conversations?inbox_id=&\&status=open\&sort=-last_message_at|' <<<"$inboxes" >"$STATE/inbox.paths"
  sed -E 's|^([^ ]+) .*$|/v1/conversations/\1/messages?limit=50|' <<<"$talks" >"$STATE/talk.paths"
  for name in "${READS[@]}"; do
    head -n 1 "$STATE/$name.paths" >"$STATE/$name.path"
  done
  write_scripts contact <<<"$people"
  write_scripts agenda <<<"$days"
  write_scripts inbox <<<"$inboxes"
  write_scripts talk <<<"$talks"
  write_scripts search <<<"$prefixes"
  choose_bookings "$people"
}

# Scripts of pgbench, one for each of the first questions.
write_scripts() {
  local name=$1 number=0 first second third fourth
  while read -r first second third fourth && [ "$number" -lt "$QUESTIONS_OF_PGBENCH" ]; do
    number=$((number + 1))
    sed -e "s/@clinic@/$CLINIC/g" -e "s/@contact@/$first/g" -e "s/@practitioner@/$first/g" -e "s/@prefix@/$first/g" \
      -e "s/@inbox@/$first/g" -e "s/@conversation@/$first/g" -e "s/@day@/$second/g" -e "s/@lowest@/$second/g" \
      -e "s/@highest@/$third/g" -e "s/@messages@/$fourth/g" "$HERE/pgbench/$name.sql" >"$STATE/pgbench/$name-$number.sql"
  done
}

choose_bookings() {
  local contact practitioners practitioner number=0
  contact=$(head -n 1 <<<"$1")
  practitioners=$(query "SELECT id FROM practitioners WHERE clinic_id = '$CLINIC' ORDER BY id")
  {
    echo "return { service = \"$SERVICE\", contacts = {"
    sed 's/.*/"&",/' <<<"$1"
    echo "}, practitioners = {"
    sed 's/.*/"&",/' <<<"$practitioners"
    echo "}, days = {"
    query "SELECT '\"' || day::date || '\",' FROM generate_series(current_date + 7, current_date + 1000, '1 day') AS day
      WHERE extract(isodow FROM day) < 7"
    echo "} }"
  } >"$STATE/booking.lua"
  for practitioner in $practitioners; do
    [ "$number" -lt "$PRACTITIONERS_OF_PGBENCH" ] || break
    number=$((number + 1))
    sed -e "s/@clinic@/$CLINIC/g" -e "s/@contact@/$contact/g" -e "s/@practitioner@/$practitioner/g" \
      -e "s/@service@/$SERVICE/g" "$HERE/pgbench/book.sql" >"$STATE/pgbench/book-$number.sql"
  done
}

# Keeps the bytes that the gateway answers with, for the bare server.
keep_bytes() {
  local name
  mkdir -p "$STATE/bytes"
  for name in "${READS[@]}"; do
    curl -sS --fail -H "Authorization: Bearer $BENCH_TOKEN" "http://$CACHED$(cat "$STATE/$name.path")" \
      >"$STATE/bytes/$name" || fail "The gateway did not answer $(cat "$STATE/$name.path"): see $STATE/gateway.log."
    echo "/$name" >"$STATE/bare-$name.path"
    say "$name: $(wc -c <"$STATE/bytes/$name") bytes"
  done
}

# Notes what was measured.
sample() {
  echo "$*" >>"$STATE/samples"
}

threads_for() {
  echo $(($1 > 1 ? 2 : 1))
}

# Requests per second of wrk with a script; fails on any answer but a good one.
wrk_rate() {
  local script=$1 address=$2 clients=$3 output rate failed
  output=$(wrk --threads "$(threads_for "$clients")" --connections "$clients" --duration "${DURATION}s" \
    --timeout 10s --script "$HERE/wrk/$script" "http://$address") || fail "wrk failed: $output"
  read -r rate failed < <(sed -n 's/^RESULT //p' <<<"$output") || fail "wrk said nothing that is understood: $output"
  [ "${failed:-1}" -eq 0 ] || fail "$failed requests of wrk failed ($script, $clients clients): $output"
  echo "$rate"
}

get_rate() {
  BENCH_PATHS=$STATE/$1 wrk_rate get.lua "$2" "$3"
}

# Transactions per second of pgbench with the scripts of that name.
pgbench_rate() {
  local name=$1 clients=$2 output rate scripts=() script
  shift 2
  for script in "$STATE/pgbench/$name"-*.sql; do
    scripts+=(--file "$script")
  done
  output=$(pgbench --no-vacuum --protocol prepared --client "$clients" --jobs "$(threads_for "$clients")" \
    --time "$DURATION" "${scripts[@]}" "$@" 2>&1) || fail "pgbench failed ($name, $clients clients): $output"
  grep -q 'aborted' <<<"$output" && fail "A client of pgbench gave up ($name, $clients clients): $output"
  rate=$(sed -nE 's/^tps = ([0-9.]+).*/\1/p' <<<"$output")
  [ -n "$rate" ] || fail "pgbench got nothing done ($name, $clients clients): $output"
  echo "$rate"
}

# What was booked is handled by the gateway's worker, which must not be at work while pgbench is measured.
events_handled() {
  [ "$(query "SELECT count(*) FROM outbox WHERE handled_at IS NULL AND failed_at IS NULL
    AND (available_at <= now() OR locked_until IS NOT NULL)")" -eq 0 ]
}

book_rate() {
  BOOKED=$((BOOKED + 1))
  BENCH_FIRST=$((BOOKED * SLOTS)) BENCH_THREADS=$(threads_for "$1") BENCH_BOOKING=$STATE/booking.lua \
    wrk_rate book.lua "$CACHED" "$1"
}

pgbench_book_rate() {
  wait_until 30 events_handled || say "events are still being handled; the ceiling of bookings is measured beside that"
  pgbench_rate book "$1" --define n=0 --define "began=$((EPOCHSECONDS * 1000))" --define "first=$((BOOKED * SLOTS))" \
    --define "reach=$((SLOTS / $1))"
}

# One turn of each side of a row.
measure() {
  local row=$1 clients=$2 name=${1%-*} ours ceiling
  case $row in
    *-cached)
      ours=$(get_rate "$name.path" "$CACHED" "$clients")
      ceiling=$(get_rate "bare-$name.path" "$BARE" "$clients")
      ;;
    *-uncached)
      ours=$(get_rate "$name.paths" "$UNCACHED" "$clients")
      ceiling=$(pgbench_rate "$name" "$clients")
      ;;
    book)
      # Sets BOOKED, so not in a subshell.
      book_rate "$clients" >"$STATE/rate"
      ours=$(cat "$STATE/rate")
      ceiling=$(pgbench_book_rate "$clients")
      ;;
    *) fail "BENCH_ROWS knows no row $row" ;;
  esac
  sample "$row" "$clients" ours "$ours"
  sample "$row" "$clients" ceiling "$ceiling"
  say "$row, $clients clients: $ours of $ceiling"
}

# Opens the gateways' connections and has their statements prepared, as they are in a server that has been up for a while.
warm_up() {
  local name
  say "warming up"
  for name in "${READS[@]}" search; do
    get_rate "$name.paths" "$UNCACHED" 64 >/dev/null
    get_rate "$name.paths" "$CACHED" 64 >/dev/null
  done
  book_rate 64 >"$STATE/rate"
}

measure_all() {
  local round row clients
  BOOKED=0
  warm_up
  for round in $(seq "$ROUNDS"); do
    say "round $round of $ROUNDS"
    for row in "${ROWS[@]}"; do
      # These have their own ways.
      [[ $row != jobs && $row != live ]] || continue
      for clients in "${CLIENTS[@]}"; do
        measure "$row" "$clients"
      done
    done
  done
}

# How soon news reach live connections: one appointment is changed again and again.
measure_live() {
  local appointment round
  has_row live || return 0
  appointment=$(query "SELECT id FROM appointments WHERE clinic_id = '$CLINIC' ORDER BY id LIMIT 1")
  for round in $(seq "$ROUNDS"); do
    loadtests live "$CACHED" --appointment "$appointment" --sockets "$SOCKETS" >"$STATE/live" ||
      fail "Live connections could not be measured: see $STATE/gateway.log."
    cat "$STATE/live" >>"$STATE/samples"
    say "live, round $round: $(tr '\n' ';' <"$STATE/live")"
  done
}

# The most memory that the gateway ever had, as the kernel remembers it, in MiB.
note_memory() {
  sample memory 0 ours "$(awk '/^VmHWM:/ { print $2 / 1024 }' "/proc/$GATEWAY/status")"
}

main() {
  require_linux
  cd "$PROJECT_ROOT"
  have flock || services install
  take_lock "$STATE" lock 2 ||
    fail "'make bench' is already running here (process $(lock_holder "$STATE" lock)): wait for it."
  guard
  require_rust
  services install bench
  services remove "$STATE"
  build
  # As safe as a development server's: fsync, synchronous commits and whole pages are on.
  services start "$STATE"
  export_settings "$STATE"
  set_database
  rm -rf "$STATE/pgbench" "$STATE/bytes" "$STATE/samples"
  mkdir -p "$STATE/pgbench" "$HERE/reports"
  load_data
  measure_jobs
  start_servers
  sign_in
  choose_questions
  keep_bytes
  start_bare
  "$PROJECT_ROOT/target/release/taskmed-loadtests" cache-hit >>"$STATE/samples"
  measure_all
  measure_live
  note_memory
  loadtests report "$STATE/samples" --json "$HERE/reports/latest.json"
  say "written: loadtests/reports/latest.json"
}

main "$@"
