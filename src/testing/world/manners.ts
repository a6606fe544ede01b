/**
 * The manners of exchangers: each is one way of treating mail, good or bad, as a pure function of
 * what an exchanger sees and remembers. Combined by `firstOf`.
 * Deliberately unknown here: SMTP's grammar (exchanger.ts) and the wire.
 */
import type { Manner, Stage } from './exchanger.ts';

/** Takes everything. */
export const accepting: Manner = () => undefined;

/**
 * Gives each recipient its verdict by the first word of its local part: `bad` is refused, `later`
 * deferred for ever, anybody else taken.
 */
export const judging: Manner = ({ stage, recipient }) => {
  if (stage !== 'rcpt') return undefined;
  if (recipient.startsWith('bad')) return { say: '550 5.1.1 no such user' };
  if (recipient.startsWith('later')) return { say: '451 4.2.1 mailbox busy' };
  return undefined;
};

/** Defers a recipient until it was known for `waitMs`. */
export const greylisting =
  (waitMs: number): Manner =>
  ({ stage, recipient, at, memory }) => {
    if (stage !== 'rcpt') return undefined;
    const knownAt = memory.get(recipient) ?? at;
    memory.set(recipient, knownAt);
    return at - knownAt >= waitMs ? undefined : { say: '451 4.7.1 greylisted, come back later' };
  };

/** Says what a good one would, each time `afterMs` late. */
export const tarpitting =
  (afterMs: number): Manner =>
  ({ stage }) => ({ say: SAYS[stage], afterMs });

const SAYS: Readonly<Record<Stage, string>> = {
  greeting: '220 slow.test ready',
  ehlo: '250-slow.test\n250 PIPELINING',
  starttls: '220 2.0.0 go on',
  mail: '250 2.1.0 ok',
  rcpt: '250 2.1.5 ok',
  data: '354 go on',
  dot: '250 2.0.0 taken',
  rset: '250 2.0.0 clean',
  quit: '221 2.0.0 bye',
};

/** Takes the message, and says so `afterMs` late. */
export const answeringDotAfter =
  (afterMs: number): Manner =>
  ({ stage }) =>
    stage === 'dot' ? { say: SAYS.dot, afterMs } : undefined;

/** Closes the service at the transaction after the `count`th. */
export const closingAfter =
  (count: number): Manner =>
  ({ stage, transactions }) =>
    stage === 'mail' && transactions > count
      ? { say: '421 4.3.2 enough for one connection', ends: 'fin' }
      : undefined;

/** Keeps the message and drops the connection without a word, the first `times` times. */
export const droppingAfterDot =
  (times: number): Manner =>
  ({ stage, memory }) => {
    const dropped = memory.get('dropped') ?? 0;
    if (stage !== 'dot' || dropped >= times) return undefined;
    memory.set('dropped', dropped + 1);
    return { keeps: true, ends: 'reset' };
  };

/** Says nothing at that stage. */
export const silentAt =
  (silent: Stage): Manner =>
  ({ stage }) =>
    stage === silent ? {} : undefined;

/** Answers `say` at that stage. */
export const sayingAt =
  (at: Stage, say: string): Manner =>
  ({ stage }) =>
    stage === at ? { say } : undefined;

/** Does not want to talk at all. */
export const refusing: Manner = sayingAt('greeting', '554 5.3.2 no service');

/** Offers PIPELINING and throws away what came along with MAIL. */
export const forgettingThePipeline: Manner = ({ stage }) =>
  stage === 'mail' ? { say: '250 2.1.0 ok', forgetsRest: true } : undefined;

/** Says more than it was asked. */
export const babbling: Manner = ({ stage }) =>
  stage === 'rcpt' ? { say: '250 2.1.5 ok\n250 2.1.5 and one more' } : undefined;

/** Says what is no reply. */
export const garblingAt =
  (at: Stage): Manner =>
  ({ stage }) =>
    stage === at ? { say: '\u0001\u0002 <html>\u0000', keeps: true } : undefined;

/** Takes at most `count` recipients in one transaction. */
export const takingFew =
  (count: number): Manner =>
  ({ stage, taken }) =>
    stage === 'rcpt' && taken.length >= count
      ? { say: '452 4.5.3 too many recipients' }
      : undefined;

/** The first of the manners that has something to say. */
export const firstOf =
  (...manners: readonly Manner[]): Manner =>
  (scene) => {
    for (const manner of manners) {
      const deed = manner(scene);
      if (deed !== undefined) return deed;
    }
    return undefined;
  };
