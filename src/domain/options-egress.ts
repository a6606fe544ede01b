/**
 * The options of an egress pool and an egress source (make_egress_pool, make_egress_source). The
 * idea: a pool names its members with weights, a source says from where and through what it sends.
 * Deliberately unknown here: how a member is chosen, and whether a source is healthy.
 */

import { OptionError, OptionValueError, showValue } from './option-error.ts';
import {
  duration,
  ipAddress,
  listOf,
  natural,
  oneOf,
  port,
  tableOf,
  text,
  throttle,
} from './option-kinds.ts';
import { keySource, proxyPlace } from './option-places.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { isTable, option, optional, readOptions, required } from './options.ts';
import type { ThrottleSpec } from './throttle-spec.ts';
import { parseThrottle } from './throttle-spec.ts';

/** The pool and the source that exist without a policy: the system chooses the address. */
export const UNSPECIFIED = 'unspecified';

/** The rows of one entry of a pool. */
export const POOL_ENTRY_OPTIONS = {
  name: required(text, 'a source'),
  weight: option(natural, 1, 'its share of the mail; 0 is not used'),
} satisfies OptionTable;

/** The table behind parsePoolConfig. */
export const POOL_OPTIONS = {
  name: required(text, 'the name of the pool'),
  entries: option(listOf(tableOf(POOL_ENTRY_OPTIONS)), [], 'the member sources'),
  ttl: option(duration, '60s', 'how long the answer is kept'),
} satisfies OptionTable;

/** A pool's members and their weights. */
export type PoolConfig = Parsed<typeof POOL_OPTIONS>;

/** Reads a pool; `where` names it in a refusal. */
export function parsePoolConfig(raw: unknown, where: string): PoolConfig {
  return readOptions(POOL_OPTIONS, raw, where);
}

/** What it takes to suspend: any failure, or so many in a time (the burst plays no part). */
export type SuspendTrigger = 'Immediate' | { readonly Threshold: ThrottleSpec };

const THRESHOLD_TABLE = {
  type: 'object',
  properties: { Threshold: throttle.schema },
  required: ['Threshold'],
  additionalProperties: false,
};

/** The time of each failure is held, so that a window is exact: 8 bytes each. */
const FAILURES_MAX = 100_000;

/** Reads "Immediate" or {Threshold = "3/5m"}. */
export const suspendTrigger: Kind<SuspendTrigger> = {
  name: 'Immediate or {Threshold = rate}',
  schema: { anyOf: [{ const: 'Immediate' }, THRESHOLD_TABLE] },
  read(value) {
    if (value === 'Immediate') return value;
    const keys = isTable(value) ? Object.keys(value) : [];
    if (!isTable(value) || keys.length !== 1 || keys[0] !== 'Threshold') {
      const fix = "use 'Immediate' or {Threshold = '3/5m'}";
      throw new OptionValueError(`${showValue(value)} is not a trigger`, fix);
    }
    const Threshold = parseThrottle(Object.values(value)[0]);
    if (Threshold.limit > FAILURES_MAX) {
      const problem = `a threshold of ${Threshold.limit} failures is more than is kept in mind`;
      throw new OptionValueError(problem, `use at most ${FAILURES_MAX}`);
    }
    return { Threshold };
  },
};

const SUSPEND_OPTIONS = {
  trigger: option(suspendTrigger, 'Immediate', 'what it takes'),
  duration: required(duration, 'for how long'),
} satisfies OptionTable;

const suspendRule = tableOf(SUSPEND_OPTIONS);

/** When a source is suspended, and for how long. */
export type SuspendRule = Parsed<typeof SUSPEND_OPTIONS>;

/** Longest user name and password at a SOCKS5 proxy, bytes (RFC 1929 section 2). */
const LOGIN_BYTES_MAX = 255;

/** The table behind parseSourceConfig. */
export const SOURCE_OPTIONS = {
  name: required(text, 'the name of the source'),
  ehlo_domain: optional(text, 'name given in EHLO, unless the path has one'),
  source_address: optional(ipAddress, 'local address to send from'),
  remote_port: optional(port, 'destination port, above all others'),
  ha_proxy_server: optional(proxyPlace, 'HA proxy to connect through; wins over SOCKS5'),
  ha_proxy_source_address: optional(ipAddress, 'address the HA proxy is asked to use; needed'),
  ha_proxy_protocol: option(oneOf('v2', 'v1'), 'v2', 'version of the PROXY header'),
  socks5_proxy_server: optional(proxyPlace, 'SOCKS5 proxy to connect through'),
  socks5_proxy_source_address: optional(
    ipAddress,
    'address the SOCKS5 proxy is asked to use; needed; 0.0.0.0 or :: asks for none',
  ),
  socks5_proxy_username: optional(text, 'log in at the proxy (RFC 1929)'),
  socks5_proxy_password: optional(keySource, 'password of that log-in'),
  suspend_when_unplumbed: optional(suspendRule, 'when the source address is not on this machine'),
  suspend_when_proxy_unhealthy: optional(suspendRule, 'when the proxy does not do its work'),
  ttl: option(duration, '60s', 'how long the answer is kept'),
} satisfies OptionTable;

/** A source: from where, as whom and through what it sends. */
export type SourceConfig = Parsed<typeof SOURCE_OPTIONS>;

/** Reads a source; `where` names it in a refusal. */
export function parseSourceConfig(raw: unknown, where: string): SourceConfig {
  const config = readOptions(SOURCE_OPTIONS, raw, where);
  const hasUser = config.socks5_proxy_username !== undefined;
  if (hasUser !== (config.socks5_proxy_password !== undefined)) {
    const [given, missing] = hasUser ? ['username', 'password'] : ['password', 'username'];
    const problem = `is given without socks5_proxy_${missing}`;
    throw new OptionError(where, `socks5_proxy_${given}`, problem, 'give both or neither');
  }
  const { socks5_proxy_username: name, socks5_proxy_password: password } = config;
  checkLength(where, 'username', name);
  if (password !== undefined && 'key_data' in password) {
    checkLength(where, 'password', password.key_data);
  }
  return config;
}

// One octet carries the length (RFC 1929 section 2). The value itself may be a secret.
function checkLength(where: string, key: string, value: string | undefined): void {
  const length = new TextEncoder().encode(value ?? '').length;
  if (length <= LOGIN_BYTES_MAX) return;
  const problem = `is longer than ${LOGIN_BYTES_MAX} bytes, which SOCKS5 cannot carry`;
  throw new OptionError(where, `socks5_proxy_${key}`, problem, 'choose a shorter one');
}
