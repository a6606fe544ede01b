/**
 * The options of an SMTP listener (start_esmtp_listener) and of a listener domain. The idea: a
 * listener has settings, and networks of peers or of local addresses may override them; what holds
 * for one session is computed once, by best prefix.
 * Deliberately unknown here: sockets, sessions, who relays what.
 */

import type { Cidr } from './cidr.ts';
import { contains, parseCidr } from './cidr.ts';
import { parseIp } from './ip.ts';
import { OptionError, OptionValueError, showValue } from './option-error.ts';
import {
  cidrList,
  duration,
  flag,
  listOf,
  mapOf,
  oneOf,
  plain,
  positive,
  tableOf,
  text,
} from './option-kinds.ts';
import { keySource, listenPlace } from './option-places.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { inert, isTable, locate, option, optional, readOptions, readOverrides } from './options.ts';

const TRACE_OPTIONS = {
  received_header: option(flag, true, 'add a Received header'),
  supplemental_header: option(flag, true, 'add a header that names the recipient'),
  header_name: option(text, 'X-KumoRef', 'the name of that header'),
  include_meta_names: option(listOf(text), [], 'metadata to put into it'),
} satisfies OptionTable;

/** The rows that hold for one session, and that networks may override. */
export const SESSION_OPTIONS = {
  hostname: optional(text, 'name in the greeting; else that of the machine'),
  banner: option(text, 'Waybill', 'text after the host name in the greeting'),
  relay_hosts: option(cidrList, ['127.0.0.1', '::1'], 'peers that may relay to anywhere'),
  client_timeout: option(duration, '1m', 'how long a silent peer is kept'),
  data_processing_timeout: option(duration, '5m', 'bound on the work after the final dot'),
  handler_timeout: option(duration, '30s', 'how long one handler of the policy may take'),
  batch_handling: option(
    oneOf('BifurcateAlways', 'BatchByDomain'),
    'BifurcateAlways',
    'one message per recipient, or per recipient domain',
  ),
  max_message_size: option(positive, 20 * 1024 * 1024, 'octets'),
  max_messages_per_connection: option(positive, 10_000, 'then a transient failure'),
  max_recipients_per_message: option(positive, 1024, 'then 452 4.5.3'),
  data_buffer_size: option(positive, 128 * 1024, 'octets read at once'),
  invalid_line_endings: option(oneOf('Deny', 'Allow', 'Fix'), 'Deny', 'bare CR or LF'),
  line_length_hard_limit: option(positive, 998, 'octets in a line, CRLF apart'),
  deferred_spool: option(flag, false, 'keep bodies in memory until the first attempt fails'),
  deferred_queue: inert(flag, 'the reception policy is asked before a message is accepted'),
  tls_certificate: optional(keySource, 'certificate for STARTTLS'),
  tls_private_key: optional(keySource, 'its key'),
  tls_required_client_ca: optional(keySource, 'demand client certificates of this authority'),
  trace_headers: option(tableOf(TRACE_OPTIONS), {}, 'headers added at reception'),
  meta: option(mapOf(plain), {}, 'metadata given to every connection'),
  allow_xclient: option(flag, false, 'accept XCLIENT'),
  require_proxy_protocol: option(flag, false, 'demand a PROXY header before the greeting'),
} satisfies OptionTable;

/** What holds for one session. */
export type SessionSettings = Parsed<typeof SESSION_OPTIONS>;

/** Settings for the peers (or local addresses) of one network; may be narrowed further. */
export interface SessionOverride {
  readonly cidr: Cidr;
  readonly settings: Partial<SessionSettings>;
  readonly peer: readonly SessionOverride[];
  readonly via: readonly SessionOverride[];
}

const OVERRIDE_DEPTH_MAX = 4;

function overrides(depth: number): Kind<readonly SessionOverride[]> {
  return {
    name: 'table from network to settings',
    read(value) {
      if (!isTable(value) || depth > OVERRIDE_DEPTH_MAX) {
        const problem = isTable(value) ? 'is nested too deeply' : `${showValue(value)} is no table`;
        throw new OptionValueError(problem, "give {'192.0.2.0/24' = {...}}");
      }
      return Object.entries(value).map(([network, raw]) =>
        locate('', `'${network}'`, () => readOverride(network, raw, depth)),
      );
    },
  };
}

function readOverride(network: string, raw: unknown, depth: number): SessionOverride {
  const cidr = parseCidr(network);
  const nested = overrides(depth + 1);
  const rows = { peer: optional(nested, ''), via: optional(nested, '') };
  const read = readOverrides({ ...SESSION_OPTIONS, ...rows }, raw, '');
  const { peer = [], via = [], ...settings } = read;
  return { cidr, settings, peer, via };
}

/** The table behind parseListenerConfig. */
export const LISTENER_OPTIONS = {
  listen: option(listenPlace, '127.0.0.1:2025', 'address and port'),
  max_connections: option(positive, 32_768, 'sessions at once; more get 421'),
  ...SESSION_OPTIONS,
  peer: option(overrides(1), {}, 'settings by network of the peer'),
  via: option(overrides(1), {}, 'settings by network of the local address'),
} satisfies OptionTable;

/** What belongs to the listener as a whole, and no session can have its own of. */
const NOT_DYNAMIC = [
  'tls_certificate',
  'tls_private_key',
  'tls_required_client_ca',
  'allow_xclient',
  'require_proxy_protocol',
] as const;

const { peer: PEER_ROW, via: VIA_ROW } = LISTENER_OPTIONS;

/** What `smtp_server_get_dynamic_parameters` may answer. */
export const DYNAMIC_SETTINGS = {
  ...SESSION_OPTIONS,
  peer: PEER_ROW,
  via: VIA_ROW,
} satisfies OptionTable;

/** Lays what policy answered for one session over its settings; throws what is wrong with it. */
export function readDynamicSettings(
  base: SessionSettings,
  raw: unknown,
  where: string,
  peerAddress: string,
  localAddress: string,
): SessionSettings {
  const given = readOverrides(DYNAMIC_SETTINGS, raw, where);
  for (const key of NOT_DYNAMIC) {
    if (given[key] === undefined) continue;
    throw new OptionError(where, key, 'cannot differ by session', 'set it at the listener');
  }
  const { peer = [], via = [], ...settings } = given;
  const meta = { ...base.meta, ...settings.meta };
  return overlay({ ...base, ...settings, meta }, peer, via, peerAddress, localAddress);
}

/** An SMTP listener with its overrides. */
export type ListenerConfig = Parsed<typeof LISTENER_OPTIONS>;

/** Reads a listener; `where` names it in a refusal. */
export function parseListenerConfig(raw: unknown, where: string): ListenerConfig {
  const config = readOptions(LISTENER_OPTIONS, raw, where);
  if ((config.tls_certificate === undefined) !== (config.tls_private_key === undefined)) {
    const key = config.tls_certificate === undefined ? 'tls_private_key' : 'tls_certificate';
    throw new OptionError(where, key, 'is given alone', 'give certificate and key, or neither');
  }
  return config;
}

/** What holds for a session: top level, then by peer, then by local address, best prefix each. */
export function sessionSettings(
  config: ListenerConfig,
  peerAddress: string,
  localAddress: string,
): SessionSettings {
  const { listen: _listen, max_connections: _max, peer, via, ...settings } = config;
  return overlay(settings, peer, via, peerAddress, localAddress);
}

function overlay(
  base: SessionSettings,
  peer: readonly SessionOverride[],
  via: readonly SessionOverride[],
  peerAddress: string,
  localAddress: string,
): SessionSettings {
  let settings = base;
  for (const chosen of [best(peer, peerAddress), best(via, localAddress)]) {
    if (chosen === undefined) continue;
    const meta = { ...settings.meta, ...chosen.settings.meta };
    const laid = { ...settings, ...chosen.settings, meta };
    settings = overlay(laid, chosen.peer, chosen.via, peerAddress, localAddress);
  }
  return settings;
}

function best(list: readonly SessionOverride[], address: string): SessionOverride | undefined {
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  let found: SessionOverride | undefined;
  for (const entry of list) {
    const isNarrower = found === undefined || entry.cidr.prefix > found.cidr.prefix;
    if (isNarrower && contains(entry.cidr, ip)) found = entry;
  }
  return found;
}

/** What to do with a report addressed to us: true = LogThenRelay, false = Ignore. */
const reportHandling: Kind<'Ignore' | 'LogThenRelay' | 'LogThenDrop'> = {
  name: 'Ignore, LogThenRelay, LogThenDrop or true or false',
  schema: { enum: ['Ignore', 'LogThenRelay', 'LogThenDrop', true, false] },
  read(value) {
    if (typeof value === 'boolean') return value ? 'LogThenRelay' : 'Ignore';
    return oneOf('Ignore', 'LogThenRelay', 'LogThenDrop').read(value);
  },
};

/** The table behind parseListenerDomain. */
export const LISTENER_DOMAIN_OPTIONS = {
  relay_to: option(flag, false, 'accept mail for this domain from anyone'),
  relay_from: option(cidrList, [], 'peers that may relay anywhere as senders of this domain'),
  log_oob: option(reportHandling, 'Ignore', 'RFC 3464 reports'),
  log_arf: option(reportHandling, 'Ignore', 'RFC 5965 reports'),
  ttl: option(duration, '60s', 'accepted; the answer is kept for one session'),
} satisfies OptionTable;

/** What a listener accepts for one domain. */
export type ListenerDomain = Parsed<typeof LISTENER_DOMAIN_OPTIONS>;

/** Reads a listener domain; `where` names it in a refusal. */
export function parseListenerDomain(raw: unknown, where: string): ListenerDomain {
  return readOptions(LISTENER_DOMAIN_OPTIONS, raw, where);
}
