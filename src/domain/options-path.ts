/**
 * The options of an egress path (make_egress_path): how one source may talk to one site. The idea:
 * one row an option; defaults that depend on other options are functions at the end of this file.
 * Deliberately unknown here: shaping files, sites, connections.
 */

import type { Ms } from '../ports/ports.ts';
import { OptionError, OptionValueError } from './option-error.ts';
import {
  cidrList,
  duration,
  flag,
  limit,
  listOf,
  mapOf,
  natural,
  oneOf,
  port,
  positive,
  text,
  throttle,
} from './option-kinds.ts';
import { keySource } from './option-places.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { inert, option, optional, readOptions } from './options.ts';
import { refreshStrategy, shrinkWord } from './options-queue.ts';

const OPENSSL = 'the runtime has one TLS library; its own ciphers and options are used';
const LOW_MEMORY = 'ready messages are rows without bodies; there is nothing to shrink';
const WAKING = 'connections are matched with ready messages once per turn';
const wakeup = oneOf('Aggressive', 'Relaxed');
const LOOPS = ['127.0.0.0/8', '::1', '0.0.0.0', '::'];

/** DANE must not be promised by a file and then not be done. */
const noDane: Kind<false> = {
  name: 'false',
  schema: { const: false },
  read(value) {
    if (flag.read(value) === false) return false;
    throw new OptionValueError('DANE is not supported yet', 'remove it or use false');
  },
};

/** The table behind parsePathConfig. */
export const PATH_OPTIONS = {
  connection_limit: option(limit, 32, 'connections at once'),
  additional_connection_limits: option(mapOf(limit), {}, 'further limits by name'),
  max_connection_rate: optional(throttle, 'new connections'),
  max_message_rate: optional(throttle, 'messages sent'),
  additional_message_rate_throttles: option(mapOf(throttle), {}, 'further message rates by name'),
  source_selection_rate: optional(throttle, 'how often this source is chosen for this site'),
  additional_source_selection_rates: option(mapOf(throttle), {}, 'further selection rates by name'),
  max_deliveries_per_connection: option(positive, 1024, 'attempts, then the connection closes'),
  max_recipients_per_batch: option(positive, 100, 'recipients in one transaction'),
  max_ready: option(positive, 1024, 'messages ready to be sent at once'),
  consecutive_connection_failures_before_delay: option(natural, 100, 'then all wait'),
  connect_timeout: option(duration, '60s', 'TCP, with the proxy when there is one'),
  banner_timeout: option(duration, '60s', 'wait for the greeting'),
  ehlo_timeout: option(duration, '300s', 'reply to EHLO'),
  auth_timeout: option(duration, '60s', 'reply to AUTH'),
  starttls_timeout: option(duration, '5s', 'reply to STARTTLS, and the handshake'),
  mail_from_timeout: option(duration, '300s', 'reply to MAIL'),
  rcpt_to_timeout: option(duration, '300s', 'reply to RCPT'),
  // The reference's manual says 30s and 60s, its code 300s for both; the longer one loses no mail.
  data_timeout: option(duration, '300s', 'reply to DATA'),
  data_dot_timeout: option(duration, '300s', 'reply to the final dot'),
  rset_timeout: option(duration, '5s', 'reply to RSET'),
  // The reference's code says 5s; its manual and its own shaping file both mean 60s.
  idle_timeout: option(duration, '60s', 'how long an open connection waits for the next message'),
  system_shutdown_timeout: optional(
    duration,
    'grace at shutdown, 30s at most; else the sum of the timeouts',
  ),
  dispatcher_progress_watchdog_timeout: optional(duration, 'a connection stuck for longer is cut'),
  smtp_port: option(port, 25, 'the port, unless the source or the host names another'),
  ehlo_domain: optional(text, 'name given in EHLO; else that of the source, else the host'),
  enable_tls: option(
    oneOf('Opportunistic', 'OpportunisticInsecure', 'Required', 'RequiredInsecure', 'Disabled'),
    'Opportunistic',
    'whether to use STARTTLS, and whether the certificate must be valid',
  ),
  enable_mta_sts: option(flag, true, 'let an MTA-STS policy of the receiver demand TLS'),
  enable_dane: option(noDane, false, 'not supported yet'),
  tls_certificate: optional(keySource, 'client certificate, shown to peers that ask for one'),
  tls_private_key: optional(keySource, 'key of the client certificate; both or neither'),
  tls_prefer_openssl: inert(flag, OPENSSL),
  openssl_cipher_list: inert(text, OPENSSL),
  openssl_cipher_suites: inert(text, OPENSSL),
  openssl_options: inert(text, OPENSSL),
  rustls_cipher_suites: inert(listOf(text), OPENSSL),
  opportunistic_tls_reconnect_on_failed_handshake: option(
    flag,
    false,
    'after a failed handshake, try the same address in clear',
  ),
  remember_broken_tls: optional(duration, 'how long a failed handshake is remembered'),
  enable_pipelining: option(flag, true, 'use PIPELINING'),
  enable_rset: option(flag, true, 'send RSET between messages'),
  ignore_8bit_checks: option(flag, false, 'send 8-bit content to peers that do not offer it'),
  use_lmtp: option(flag, false, 'speak LMTP'),
  smtp_auth_plain_username: optional(text, 'log in on connect'),
  smtp_auth_plain_password: optional(keySource, 'password of the log-in'),
  allow_smtp_auth_plain_without_tls: option(flag, false, 'log in over clear text'),
  allow_smtp_auth_plain_without_valid_certificate: option(
    flag,
    false,
    'log in over TLS with an unchecked certificate',
  ),
  prohibited_hosts: option(cidrList, LOOPS, 'mail that would go there bounces: a loop'),
  skip_hosts: option(cidrList, [], 'addresses left out'),
  ip_lookup_strategy: option(
    oneOf('Ipv4AndIpv6', 'Ipv4Only', 'Ipv6Only', 'Ipv6ThenIpv4', 'Ipv4ThenIpv6'),
    'Ipv4AndIpv6',
    'which addresses of a host are used, in which order',
  ),
  reconnect_strategy: option(
    oneOf('ConnectNextHost', 'ReconnectSameHost', 'TerminateSession'),
    'ConnectNextHost',
    'what follows a connection that broke',
  ),
  try_next_host_on_transport_error: option(flag, false, 'retry the same message at the next host'),
  refresh_interval: option(duration, '60s', 'how often the configuration is asked for again'),
  refresh_strategy: option(refreshStrategy, 'Ttl', 'refresh by time, or when the policy changes'),
  provider_name: optional(text, 'the name under which metrics add up'),
  dispatcher_wakeup_strategy: inert(wakeup, WAKING),
  maintainer_wakeup_strategy: inert(wakeup, WAKING),
  aggressive_connection_opening: inert(flag, WAKING),
  low_memory_reduction_policy: inert(shrinkWord, LOW_MEMORY),
  no_memory_reduction_policy: inert(shrinkWord, LOW_MEMORY),
  readyq_pool_name: inert(text, 'there are no thread pools to choose from'),
} satisfies OptionTable;

/** What a path was told, defaults filled in, spans in milliseconds. */
export type PathConfig = Parsed<typeof PATH_OPTIONS>;

type TlsKey = 'tls_certificate' | 'tls_private_key';

/** Reads a path's configuration; `where` names it in a refusal. */
export function parsePathConfig(raw: unknown, where: string): PathConfig {
  const path = readOptions(PATH_OPTIONS, raw, where);
  checkPair(path, where, 'tls_certificate', 'tls_private_key');
  checkPair(path, where, 'tls_private_key', 'tls_certificate');
  return path;
}

function checkPair(path: PathConfig, where: string, given: TlsKey, other: TlsKey): void {
  if (path[given] === undefined || path[other] !== undefined) return;
  throw new OptionError(where, other, `is missing beside ${given}`, 'give both or neither');
}

/** How long a place under a shared limit is kept for a connection: longer than any one wait. */
export function leaseLifeMs(path: PathConfig): Ms {
  const reaching = path.connect_timeout + path.banner_timeout + path.ehlo_timeout;
  const opening = path.auth_timeout + path.starttls_timeout;
  const sending = path.mail_from_timeout + path.rcpt_to_timeout + path.data_timeout;
  return reaching + opening + sending + path.data_dot_timeout + path.idle_timeout;
}

/** How long connections may finish at shutdown: as told, or one whole transaction. */
export function shutdownGraceMs(path: PathConfig): Ms {
  const { mail_from_timeout, rcpt_to_timeout, data_timeout, data_dot_timeout } = path;
  return (
    path.system_shutdown_timeout ??
    mail_from_timeout + rcpt_to_timeout + data_timeout + data_dot_timeout
  );
}

const WATCHDOG_MS_MIN = 60_000;

/** How long a connection may make no progress: as told, or twice its longest wait. */
export function watchdogMs(path: PathConfig): Ms {
  const { mail_from_timeout, rcpt_to_timeout, data_timeout, data_dot_timeout } = path;
  const longest = Math.max(mail_from_timeout, rcpt_to_timeout, data_timeout, data_dot_timeout);
  return path.dispatcher_progress_watchdog_timeout ?? Math.max(2 * longest, WATCHDOG_MS_MIN);
}

const BROKEN_TLS_MS = 900_000;

/** How long a failed handshake is remembered: as told, 15 minutes with reconnect, else not. */
export function brokenTlsMs(path: PathConfig): Ms {
  const reconnects = path.opportunistic_tls_reconnect_on_failed_handshake;
  return path.remember_broken_tls ?? (reconnects ? BROKEN_TLS_MS : 0);
}
