/**
 * What the policy and operators decided that a message rests on: the answers that configured its
 * queue, the sources and the paths it took, its routes, and what came into force meanwhile.
 * Deliberately unknown here: attempts and waits.
 */
import type { Event } from '../../events/catalogue.ts';
import { sayType } from './attempts.ts';
import { KEY } from './keys.ts';
import type { LogEvent, LogLook } from './log-look.ts';
import type { DecisionStep, PolicyInForce } from './steps.ts';

/** Decisions about one thing at most; of more, the first that held and the newest. */
const DECISIONS_MAX = 50;

/** The stretch of the log in which a message lived. */
export interface Lifetime {
  readonly firstPosition: number;
  readonly lastPosition: number;
}

const POLICY_TYPES = ['policy.activated', 'policy.loaded'] as const;

/** The policy that was in force at a position. */
export function policyAt(look: LogLook, position: number): PolicyInForce | undefined {
  const found = POLICY_TYPES.flatMap((type) => look.latest(KEY.type, type, position) ?? []).sort(
    (one, other) => other.position - one.position,
  )[0];
  if (found === undefined) return undefined;
  const { event } = found;
  if (event.type !== 'policy.activated' && event.type !== 'policy.loaded') return undefined;
  const { hash, file } = event.body;
  const version = 'version' in event.body ? { version: event.body.version } : {};
  return { ...version, hash, file, position: found.position };
}

/** What a decision is made of: a key of records, and which of them count. */
interface Theme {
  readonly kind: typeof KEY.stream | typeof KEY.type;
  readonly text: string;
  readonly about: string;
  readonly types: ReadonlySet<string>;
  /** What held when the message came counts too. */
  readonly hasBefore: boolean;
}

const QUEUE_TYPES = new Set(['queue.opened', 'queue.configured', 'queue.routed']);
const SOURCE_TYPES = new Set(['source.opened', 'source.configured']);
const PATH_TYPES = new Set(['path.configured']);

/** What the message met, by name. */
export interface Met {
  readonly queues: ReadonlySet<string>;
  readonly sources: ReadonlySet<string>;
  /** Ready queues. */
  readonly paths: ReadonlySet<string>;
}

/** The decisions about what a message met while it lived. */
export function decisionsOf(look: LogLook, life: Lifetime, met: Met): readonly DecisionStep[] {
  const themes: Theme[] = [
    ...theme(met.queues, 'queue', QUEUE_TYPES),
    ...theme(met.sources, 'source', SOURCE_TYPES),
    ...theme(met.paths, 'path', PATH_TYPES),
    ...['policy.activated', 'policy.faulted'].map((type) => ({
      kind: KEY.type,
      text: type,
      about: 'policy',
      types: new Set([type]),
      hasBefore: false,
    })),
  ];
  return themes.flatMap((one) => about(look, life, one));
}

const theme = (names: ReadonlySet<string>, about: string, types: ReadonlySet<string>): Theme[] =>
  [...names].map((text) => ({
    kind: KEY.stream,
    text,
    about: `${about} ${text}`,
    types,
    hasBefore: true,
  }));

function about(look: LogLook, life: Lifetime, of: Theme): DecisionStep[] {
  const { firstPosition, lastPosition } = life;
  const within = look
    .within(of.kind, of.text, { from: firstPosition + 1, upto: lastPosition })
    .filter(({ event }) => of.types.has(event.type));
  const before = of.hasBefore
    ? [...of.types].flatMap((type) => {
        const fits = ({ event }: LogEvent): boolean => event.type === type;
        return look.latest(of.kind, of.text, firstPosition, fits) ?? [];
      })
    : [];
  const held = newestConfiguration(before);
  return [...held, ...within.slice(-DECISIONS_MAX)].map((found) => tell(look, found, of.about));
}

/** Of opened and configured the later one holds; a route holds beside them. */
function newestConfiguration(before: readonly LogEvent[]): readonly LogEvent[] {
  const [newest] = before
    .filter(({ event }) => event.type !== 'queue.routed')
    .sort((one, other) => other.position - one.position);
  const route = before.filter(
    ({ event, position }) => event.type === 'queue.routed' && position > openedAt(before),
  );
  return newest === undefined ? route : [newest, ...route];
}

/** A route of an earlier life of the queue is none of this one. */
const openedAt = (before: readonly LogEvent[]): number =>
  Math.max(
    0,
    ...before.filter(({ event }) => event.type === 'queue.opened').map((e) => e.position),
  );

function tell(look: LogLook, { event, at, position }: LogEvent, about: string): DecisionStep {
  const key = answerOf(event);
  const found = key === '' ? undefined : findAnswer(look, key, position);
  return {
    kind: 'decision',
    at,
    positions: found === undefined ? [position] : [position, found.position],
    about,
    type: event.type,
    text: sayDecision(event),
    ...(found === undefined ? {} : { answer: found.answer }),
  };
}

const answerOf = (event: Event): string => {
  const body = event.body as { readonly answer?: string };
  return event.type === 'policy.answered' ? '' : (body.answer ?? '');
};

/** The answer that a key names. */
export function findAnswer(look: LogLook, key: string, upto: number) {
  const found = look.latest(
    KEY.answer,
    key,
    upto,
    ({ event }) => event.type === 'policy.answered' && event.body.key === key,
  );
  if (found?.event.type !== 'policy.answered') return undefined;
  return { answer: JSON.parse(found.event.body.answer) as unknown, position: found.position };
}

function sayDecision(event: Event): string {
  switch (event.type) {
    case 'queue.routed': {
      const { hosts, mta_sts, site } = event.body;
      const mode = mta_sts === '' ? '' : `, MTA-STS ${mta_sts}`;
      return `the site ${site}: ${hosts.join(', ')}${mode}`;
    }
    case 'policy.activated': {
      const { version, reason } = event.body;
      return `version ${version} of the policy came into force: ${reason}`;
    }
    case 'policy.faulted':
      return `${event.body.handler}: ${event.body.sentence}`;
    default:
      return sayType(event.type);
  }
}
