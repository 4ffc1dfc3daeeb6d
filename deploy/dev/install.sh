# shellcheck shell=bash
# Installs what the machine lacks, with Debian's packages. Sourced by services.sh; expects common.sh and postgres.sh.

# Prints the packages that are missing for the given purposes. A program that came from elsewhere counts as well.
missing_packages() {
  local purpose
  postgres_programs >/dev/null || echo postgresql postgresql-contrib
  have psql || echo postgresql-client
  have redis-server && have redis-cli || echo redis-server
  have openssl || echo openssl
  have setpriv && have flock || echo util-linux
  for purpose in "$@"; do
    case $purpose in
      test)
        have vdirsyncer || echo vdirsyncer
        # A mail server that accepts and refuses, and one that serves the mailboxes: tests start both privately.
        have_server exim4 || echo exim4-daemon-light
        have_server dovecot || echo dovecot-imapd
        ;;
      lint) have shellcheck || echo shellcheck ;;
      bench)
        have wrk || echo wrk
        have curl || echo curl
        ;;
      fuzz) python3 -c 'import venv, ensurepip' 2>/dev/null || echo python3-venv ;;
      *) fail "usage: services.sh install [test] [lint] [bench] [fuzz]" ;;
    esac
  done
}

# Debian puts servers where an ordinary user's PATH does not look.
have_server() {
  have "$1" || [ -x "/usr/sbin/$1" ]
}

as_administrator() {
  if is_root; then
    "$@"
  else
    sudo "$@"
  fi
}

# Debian starts what it installs. Until `allow_system_services`, it does not: neither a cluster is made nor a server
# started. Only what is not there yet is written, so that `allow_system_services` can remove it again.
hold_system_services() {
  local directory=/etc/postgresql-common/createcluster.d
  HELD=()
  if [ ! -e "$directory/taskmed.conf" ]; then
    as_administrator mkdir -p "$directory"
    echo "create_main_cluster = false" | as_administrator tee "$directory/taskmed.conf" >/dev/null
    HELD+=("$directory/taskmed.conf")
  fi
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' | as_administrator tee /usr/sbin/policy-rc.d >/dev/null
    as_administrator chmod 755 /usr/sbin/policy-rc.d
    HELD+=(/usr/sbin/policy-rc.d)
  fi
}

allow_system_services() {
  if [ "${#HELD[@]}" -gt 0 ]; then
    as_administrator rm -f "${HELD[@]}"
  fi
}

apt_get() {
  as_administrator env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Use-Pty=0 "$@"
}

# Package lists may be absent, or so old that the files they name are gone.
apt_install() {
  apt_get install --no-install-recommends "$@" || { apt_get update && apt_get install --no-install-recommends "$@"; }
}

install_packages() {
  local log redis_is_new=no status=0
  say "installing Debian packages: $*"
  as_administrator true ||
    fail "sudo does not let this user install them: as root, run 'apt-get install $*', then start again."
  have redis-server || redis_is_new=yes
  log=$(mktemp)
  trap allow_system_services EXIT
  hold_system_services
  apt_install "$@" >"$log" 2>&1 </dev/null || status=$?
  allow_system_services
  trap - EXIT
  if [ "$status" -ne 0 ]; then
    tail -n 20 "$log" >&2
    fail "apt-get could not install $*: its last messages are above, all of them in $log; remove the cause and start again."
  fi
  rm -f "$log"
  # Installed for the private instances only: it shall not start with the machine either.
  if [ "$redis_is_new" = yes ] && have systemctl; then
    as_administrator systemctl disable redis-server >/dev/null 2>&1 || true
  fi
}

install_missing() {
  local packages
  require_linux
  # shellcheck disable=SC2207 # One word per package.
  packages=($(missing_packages "$@"))
  [ "${#packages[@]}" -gt 0 ] || return 0
  have apt-get ||
    fail "Please install what Debian calls ${packages[*]} (PostgreSQL $OLDEST_POSTGRES or newer with its contrib extensions, Redis 6 or newer) with this system's package manager, then start again."
  install_packages "${packages[@]}"
}
