#!/usr/bin/env bash
# A private Postfix as a null relay, tuned for throughput, in the foreground:
#   relay-postfix.sh FOLDER PORT SINK_PORT
# Everything it writes stays in FOLDER. Postfix's own commands demand root.
set -euo pipefail
folder=$1 port=$2 sink_port=$3
umask 022
mkdir -p "$folder/etc" "$folder/data" "$folder/queue" "$folder/log"
chown postfix "$folder/data"
cat >"$folder/etc/main.cf" <<EOF
compatibility_level = 3.6
queue_directory = $folder/queue
data_directory = $folder/data
command_directory = $(dirname "$(command -v postqueue)")
daemon_directory = $(postconf -h daemon_directory 2>/dev/null || echo /usr/lib/postfix/sbin)
meta_directory = $(postconf -h meta_directory 2>/dev/null || echo /etc/postfix)
maillog_file_prefixes = $folder
maillog_file = $folder/log/maillog
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.example
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
address_verify_map =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:$sink_port
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_reject_unlisted_recipient = no
smtpd_reject_unlisted_sender = no
default_process_limit = 120
in_flow_delay = 0
initial_destination_concurrency = 20
smtp_destination_concurrency_limit = 20
smtp_connection_cache_on_demand = no
smtp_connection_cache_destinations =
EOF
cat >"$folder/etc/master.cf" <<EOF
127.0.0.1:$port inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
EOF
exec postfix -c "$folder/etc" start-fg
