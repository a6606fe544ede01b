/**
 * Ready queues, ways and what bounds them as people read them: the blocks that two commands share.
 * Pure text; knows neither HTTP nor commands.
 */
import { parseDuration } from '../domain/duration.ts';
import { showOption } from './inspect.ts';
import { formatPairs, formatTable } from './table.ts';
import { count, harmless } from './terminal.ts';

/** Where mail goes. */
export interface Mx {
  readonly site_name: string;
  readonly by_preference: Readonly<Record<string, readonly string[]>>;
  readonly is_mx: boolean;
  readonly is_secure: boolean;
}

/** A bound, and where it comes from. */
export interface Ceiling {
  readonly display: string;
  readonly source: { readonly kind: string; readonly name?: string };
}

/** Bounds by what they bound; the rate that was declared and cannot be reached is a text. */
export type Ceilings = Readonly<Record<string, Ceiling | string>>;
type Config = Readonly<Record<string, unknown>>;

interface Session {
  readonly session_id: string;
  readonly age: string;
  readonly phase: string | object;
  readonly detail?: string;
  readonly time_in_current_phase: string;
  readonly messages_delivered: number;
  readonly messages_transfailed: number;
  readonly messages_failed: number;
  readonly overall_rate_per_sec: number;
}

interface Held {
  readonly context: string;
  readonly since?: string;
}

interface Suspended {
  readonly reason: string;
  readonly expires: string;
}

/** A ready queue. */
export interface ReadyQueue {
  readonly queue_name: string;
  readonly mx?: Mx;
  readonly egress_source: string;
  readonly egress_pool: string;
  readonly protocol: string;
  readonly state: {
    readonly ready_count: number;
    readonly connection_count: number;
    readonly connection_limited?: Held;
    readonly connection_rate_throttled?: Held;
    readonly suspended?: Suspended;
    readonly watchdog_threshold: string;
  };
  readonly path_config: Config;
  readonly constraints: Ceilings;
  readonly scheduled_queue_names?: readonly string[];
  readonly dispatchers: readonly Session[];
}

/** Where mail would go. */
export interface Way {
  readonly domain: string;
  readonly source: string;
  readonly mx: Mx | null;
  readonly queue_name: string;
  readonly queue_config: Config;
  readonly path_config: Config;
  readonly constraints: Ceilings;
}

/** The head of a way. */
export const describeHead = ({ domain, source, queue_name }: Way): string[] => [
  formatPairs([
    ['domain:', domain],
    ['source:', source],
    ['queue:', queue_name],
  ]),
];

/** Hosts by preference. */
export const describeMx = ({ site_name, by_preference, is_mx, is_secure }: Mx): string[] => [
  `mx: ${harmless(site_name)}${is_mx ? '' : ' (not from MX records)'}` +
    (is_secure ? ' (secured by DNSSEC)' : ''),
  ...Object.entries(by_preference).flatMap(([preference, hosts]) =>
    hosts.map((host) => `  ${preference.padStart(5)} ${harmless(host)}`),
  ),
];

const STATES = [
  ['throttled', 'connection_rate_throttled'],
  ['limited', 'connection_limited'],
] as const;

/** A ready queue without its bounds. */
export const describeReady = (ready: ReadyQueue): string[] => {
  const { state } = ready;
  return [
    formatPairs([
      ['queue:', ready.queue_name],
      ['egress pool:', ready.egress_pool],
      ['egress source:', ready.egress_source],
      ['protocol:', ready.protocol],
      ['watchdog threshold:', state.watchdog_threshold],
    ]),
    ...(ready.mx === undefined ? [] : describeMx(ready.mx)),
    `ready: ${count(state.ready_count)}`,
    ...STATES.flatMap(([word, key]) => {
      const held = state[key];
      if (held === undefined) return [];
      const since = held.since === undefined ? '' : ` since ${held.since}`;
      return [`${word}: ${harmless(held.context)}${since}`];
    }),
    ...describeSuspended(state.suspended),
  ];
};

const describeSuspended = (suspended: Suspended | undefined): string[] =>
  suspended === undefined
    ? []
    : [`suspended: ${harmless(suspended.reason)} (until ${suspended.expires})`];

/** What bounds it, each with its source. */
export const describeCeilings = (ceilings: Ceilings): string[] => {
  const lines = Object.entries(ceilings).flatMap(([axis, bound]) => {
    if (typeof bound === 'string') {
      return [`  ${axis}: ${harmless(bound)} (declared but unreachable)`];
    }
    const { kind, name } = bound.source;
    return [
      `  ${axis}: ${harmless(bound.display)}`,
      `    source: ${kind}${name === undefined ? '' : ` ${harmless(name)}`}`,
    ];
  });
  return ['ceilings:', ...lines];
};

/** Options, one a line. */
export const describeConfig = (config: Config): string[] =>
  Object.entries(config).map(([key, value]) => `  ${key} = ${harmless(showOption(value))}`);

/** A connection is under suspicion after this part of the watchdog's time. */
const STALL_SHARE = 0.75;

const flagOf = (inPhase: string, threshold: string): string => {
  const limitMs = parseDuration(threshold);
  if (limitMs === 0) return '';
  const share = parseDuration(inPhase) / limitMs;
  return share >= 1 ? 'STUCK' : share >= STALL_SHARE ? 'STALL?' : '';
};

/** Connections, oldest first, with what each does just now. */
export const describeSessions = ({ dispatchers, state }: ReadyQueue): string[] => {
  if (dispatchers.length === 0) return [];
  const oldest = [...dispatchers].sort((a, b) => parseDuration(b.age) - parseDuration(a.age));
  const head = ['SESSION', 'DELIV', 'TRANS', 'FAIL', 'AGE', 'RATE', ''];
  const rows = oldest.map((one) => [
    one.session_id,
    one.messages_delivered,
    one.messages_transfailed,
    one.messages_failed,
    one.age,
    `${one.overall_rate_per_sec.toFixed(2)}/s`,
    flagOf(one.time_in_current_phase, state.watchdog_threshold),
  ]);
  const [title = '', ...lines] = formatTable(head, rows).split('\n');
  return [
    title,
    ...lines.flatMap((line, at) => {
      const { phase, detail, time_in_current_phase } = oldest[at] as Session;
      const said = detail === undefined ? [] : [`    ${harmless(detail)}`];
      return [line, `  ${showOption(phase)} for ${time_in_current_phase}`, ...said];
    }),
  ];
};
