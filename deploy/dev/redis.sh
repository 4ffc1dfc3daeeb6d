# shellcheck shell=bash
# A private Redis. Sourced by services.sh; expects common.sh, and of its caller SERVICES (the directory of the
# instance), REDIS_PASSWORD and REDIS_PORT.

redis_directory() {
  echo "$SERVICES/redis"
}

redis_command() {
  REDISCLI_AUTH=$REDIS_PASSWORD redis-cli -h 127.0.0.1 -p "$REDIS_PORT" "$@" 2>/dev/null
}

redis_process() {
  processes_in "$(redis_directory)" redis-server
}

redis_answers() {
  [ -n "$(redis_process)" ] && [ "$(redis_command ping)" = PONG ]
}

redis_gone() {
  [ -z "$(redis_process)" ]
}

# Redis is a cache and a bus here, so nothing is kept on disk. What has a time to live may be pushed out.
redis_configuration() {
  cat <<CONFIGURATION
bind 127.0.0.1
port $REDIS_PORT
requirepass $REDIS_PASSWORD
daemonize yes
dir ./
logfile log
pidfile redis.pid
save ""
appendonly no
maxmemory 256mb
maxmemory-policy volatile-lru
CONFIGURATION
}

# Starts the server on REDIS_PORT; false if somebody else took that port.
redis_try_start() {
  local directory log
  directory=$(redis_directory)
  log=$directory/log
  rm -f "$log"
  # The password is read from standard input: neither the list of processes nor the disk shows it.
  # shellcheck disable=SC2016 # The inner shell expands them.
  redis_configuration |
    as_service_user sh -c 'cd "$1" && exec redis-server -' sh "$directory" >/dev/null 2>&1 || true
  if wait_until 10 redis_answers; then
    return 0
  fi
  redis_stop
  if grep -q 'Address already in use' "$log" 2>/dev/null; then
    return 1
  fi
  tail -n 20 "$log" >&2 || true
  fail "Redis did not start: the end of $log is above; remove the cause and start again."
}

# Brings the server up, whatever state the last run left. Sets REDIS_PORT.
redis_start() {
  redis_answers && return
  make_service_directory "$(redis_directory)"
  redis_stop
  local attempt
  for attempt in {1..5}; do
    if [ -z "$REDIS_PORT" ] || port_in_use 127.0.0.1 "$REDIS_PORT"; then
      choose_port REDIS_PORT
    fi
    if redis_try_start; then
      say "Redis listens on 127.0.0.1:$REDIS_PORT"
      return
    fi
  done
  fail "Redis found no free port in $attempt tries: start again."
}

redis_stop() {
  redis_gone && return
  say "stopping Redis"
  # shellcheck disable=SC2046 # One word per process id.
  kill -TERM $(redis_process) 2>/dev/null || true
  if ! wait_until 10 redis_gone; then
    # shellcheck disable=SC2046 # One word per process id.
    kill -KILL $(redis_process) 2>/dev/null || true
    wait_until 5 redis_gone || fail "Redis in $SERVICES does not stop: end the process $(redis_process) by hand."
  fi
}
