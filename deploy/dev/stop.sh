#!/usr/bin/env bash
# `make stop`: ends what `make run` started, from another terminal or after that was killed.
# `make clean-dev`: the same, and removes the development data (stop.sh --clean).

# shellcheck source=deploy/dev/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=deploy/dev/supervise.sh
. "$PROJECT_ROOT/deploy/dev/supervise.sh"

STATE=$PROJECT_ROOT/.dev

main() {
  local runner
  [ -d "$STATE" ] || return 0
  runner=$(lock_holder "$STATE" lock)
  if [ -n "$runner" ]; then
    say "stopping 'make run' (process $runner)"
    kill -TERM "$runner" 2>/dev/null || true
  fi
  take_lock "$STATE" lock 90 ||
    fail "'make run' (process $(lock_holder "$STATE" lock)) does not stop: end it by hand."
  stop_leftover_gateway
  if [ "${1:-}" = --clean ]; then
    services remove "$STATE"
    rm -rf "$STATE"
    say "the development data is removed"
  else
    services stop "$STATE"
  fi
}

main "$@"
