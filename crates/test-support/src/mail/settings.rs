//! What the servers are told.

use std::path::Path;

use super::{DOMAIN, PASSWORD};

/// The loopback ports of the servers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) smtp: u16,
    pub(super) submission: u16,
    pub(super) smtps: u16,
    pub(super) imap: u16,
    pub(super) imaps: u16,
}

/// Exim, from one file. Whom it refuses stands in `refusals`; which mailboxes there are is seen by their directories.
pub(super) fn exim(directory: &Path, ports: Ports, user: &str, group: &str) -> String {
    let directory = directory.display();
    let Ports {
        smtp,
        submission,
        smtps,
        ..
    } = ports;
    format!(
        r#"
exim_user = {user}
exim_group = {group}
admin_groups = {group}
exim_path = {directory}/exim4
spool_directory = {directory}/spool
log_file_path = {directory}/log/exim-%slog
pid_file_path = {directory}/exim.pid
primary_hostname = {DOMAIN}
qualify_domain = {DOMAIN}
domainlist local_domains = {DOMAIN}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {smtp} : {submission} : {smtps}
tls_on_connect_ports = {smtps}
tls_advertise_hosts = ${{if eq{{$received_port}}{{{submission}}}{{*}}{{}}}}
tls_certificate = {directory}/server.pem
tls_privatekey = {directory}/server.key
deliver_drop_privilege = true
never_users =
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 200
smtp_accept_queue = 0
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
queue_run_max = 1
auth_advertise_hosts = *
acl_smtp_rcpt = check_recipient

begin acl
check_recipient:
  deny
    message = 5.7.0 sign in first
    condition = ${{if !eq{{$received_port}}{{{smtp}}}}}
    !authenticated = *
  defer
    message = 4.2.1 the mailbox rests
    condition = ${{if eq{{${{lookup{{$local_part}}lsearch{{{directory}/refusals}}{{$value}}{{}}}}}}{{temporary}}}}
  deny
    message = 5.1.1 there is no mailbox $local_part
    condition = ${{if eq{{${{lookup{{$local_part}}lsearch{{{directory}/refusals}}{{$value}}{{}}}}}}{{permanent}}}}
  deny
    message = 5.1.1 there is no mailbox $local_part
    !verify = recipient
  accept

begin routers
bounced:
  driver = redirect
  condition = ${{if eq{{${{lookup{{$local_part}}lsearch{{{directory}/refusals}}{{$value}}{{}}}}}}{{bounce}}}}
  no_verify
  allow_fail
  data = :fail: 5.1.1 the mailbox is gone
mailboxes:
  driver = accept
  domains = +local_domains
  local_parts = dsearch;{directory}/mail
  transport = maildir

begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {directory}/mail/$local_part_data/Maildir
  create_directory
  delivery_date_add
  envelope_to_add
  return_path_add

begin retry
* * F,1h,1m

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{clinic}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
"#
    )
}

/// Dovecot 2.3, whole as one user.
pub(super) fn dovecot(directory: &Path, ports: Ports, user: &str, group: &str) -> String {
    let directory = directory.display();
    let Ports { imap, imaps, .. } = ports;
    format!(
        r"
base_dir = {directory}/run
state_dir = {directory}/run
log_path = {directory}/log/dovecot
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{directory}/server.pem
ssl_key = <{directory}/server.key
disable_plaintext_auth = no
mail_location = maildir:{directory}/mail/%n/Maildir
mail_max_userip_connections = 0
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = 1
first_valid_gid = 1
default_process_limit = 100
default_vsz_limit = 0
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={directory}/mail/%n allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"
    )
}

/// Keeps the servers for as long as its standard input is open, which the test process holds: so they are gone with it,
/// however it ends, and their files too. Says `ready` or `failed`.
pub(super) const SUPERVISOR: &str = r#"
set -u
trap '' INT
cd "$DIRECTORY" || exit 1
"$DOVECOT" -F -c "$DIRECTORY/dovecot.conf" >"$DIRECTORY/log/dovecot-start" 2>&1 </dev/null &
dovecot=$!
"$DIRECTORY/exim4" -C "$DIRECTORY/exim.conf" -bdf -q1h >"$DIRECTORY/log/exim-start" 2>&1 </dev/null &
exim=$!
cat >/dev/null
kill -TERM "$dovecot" "$exim" 2>/dev/null
wait
rm -rf "$DIRECTORY"
"#;
