#!/usr/bin/env bash
# Runs a command with the settings of an instance: with-services.sh DIRECTORY COMMAND…
# Services that were not running are started for it and stopped afterwards.

# shellcheck source=deploy/dev/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=deploy/dev/supervise.sh
. "$PROJECT_ROOT/deploy/dev/supervise.sh"

clean_up() {
  if [ "$WERE_RUNNING" = no ]; then
    services stop "$STATE" || true
  fi
}

main() {
  STATE=$(realpath -m "$1")
  shift
  WERE_RUNNING=yes
  services install
  services status "$STATE" >/dev/null 2>&1 || WERE_RUNNING=no
  guard
  services start "$STATE"
  export_settings "$STATE"
  run_child "$@"
}

[ $# -ge 2 ] || fail "usage: with-services.sh DIRECTORY COMMAND…"
main "$@"
