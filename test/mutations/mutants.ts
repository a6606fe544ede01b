/**
 * Mistakes that an engine could have, each a change of one line of its source. The one idea: they
 * are subtle, of the kind a review passes, and each breaks a promise that some law names; a law
 * that finds none of its mutants is a law in name only. A text that is not found any more is an
 * error, never a pass. Deliberately unknown here: how they are planted and hunted.
 */

/** Who hunts: the swarm, or the exploration of the charts. */
export type Hunter = 'swarm' | 'charts';

/** A mutation of the source. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly hunter: Hunter;
  /** Laws that may find it; whichever looks first. For charts: the chart. */
  readonly laws: readonly string[];
}

const engine = (
  name: string,
  laws: readonly string[],
  [file, from, to]: readonly [file: string, from: string, to: string],
): Mutant => ({ name, file: `src/${file}`, from, to, laws, hunter: 'swarm' });

const chart = (
  name: string,
  law: string,
  [file, from, to]: readonly [file: string, from: string, to: string],
): Mutant => ({ name, file: `src/${file}`, from, to, laws: [law], hunter: 'charts' });

/** All of them. */
export const MUTANTS: readonly Mutant[] = [
  engine(
    'the second retry comes as soon as the first',
    ['retries-follow-the-schedule'],
    [
      'domain/retry.ts',
      'Math.min(Math.max(0, attemptsMade), DOUBLINGS_MAX)',
      'Math.min(Math.max(0, attemptsMade - 1), DOUBLINGS_MAX)',
    ],
  ),
  engine(
    'the cap of retries is twice as high',
    ['retries-follow-the-schedule'],
    [
      'domain/retry.ts',
      'DELAY_S_MAX : Math.floor(cap / 1_000)',
      'DELAY_S_MAX : Math.floor(cap / 500)',
    ],
  ),
  engine(
    'a suspension is forgotten when the source is configured anew',
    ['no-suspended-source-is-chosen', 'the-books-say-what-the-log-says'],
    [
      'events/source.ts',
      'find(books, applied).answer = body.answer;',
      "Object.assign(find(books, applied), { ...body, state: 'open', until: 0 });",
    ],
  ),
  engine(
    'one connection more than the limit is planned',
    ['limits-hold', 'connection-limits-hold'],
    ['actors/opening.ts', 'limit - present);', 'limit + 1 - present);'],
  ),
  engine(
    'the first record after a picture is lost at a restart',
    ['nothing-is-lost', 'replay-equals-live'],
    ['recover.ts', 'log.replay(snapshot.position + 1', 'log.replay(snapshot.position + 2'],
  ),
  engine(
    'attempts that a kill cut off are not told to be unknown',
    ['cut-off-attempts-are-told'],
    [
      'actors/beginning.ts',
      'if ((flags & ROW_OFFERED) !== 0) offered.push(slot);',
      'if ((flags & ROW_OFFERED) > 1e9) offered.push(slot);',
    ],
  ),
  engine(
    'mail that is due does not grow old',
    ['mail-expires-by-max-age'],
    [
      'actors/windows.ts',
      'core.wheel.set(slot, Math.min(closesAt, expiresAt));',
      'core.wheel.set(slot, Math.min(closesAt, expiresAt) + 3_600_000);',
    ],
  ),
  engine(
    'mail expires at half its age',
    ['mail-expires-by-max-age'],
    [
      'domain/retry.ts',
      'if (ageMs <= limits.max_age) return',
      'if (ageMs <= limits.max_age / 2) return',
    ],
  ),
  engine(
    'a 4xx of some kinds bounces',
    ['every-reply-has-a-class'],
    [
      'domain/reply.ts',
      'return reply.code >= 500 && reply.code <= 599',
      'return reply.code >= 451 && reply.code <= 599',
    ],
  ),
  engine(
    'a rate lets its burst and one more pass',
    ['rates-hold'],
    ['domain/throttle.ts', 'Math.max(1, spec.maxBurst);', 'Math.max(1, spec.maxBurst) + 1;'],
  ),
  engine(
    'a queue keeps the sources of its former pool',
    ['only-members-are-chosen'],
    [
      'events/queue.ts',
      'Object.assign(find(books, applied), { answer, pool });',
      'Object.assign(find(books, applied), { answer, pool: find(books, applied).pool || pool });',
    ],
  ),
  engine(
    'of the queues that wait for room only the first is called',
    ['who-has-due-mail-is-woken'],
    [
      'actors/room-turns.ts',
      'core.touchedQueues.add(queue);\n  }\n}',
      'core.touchedQueues.add(queue);\n    waiting.clear();\n  }\n}',
    ],
  ),
  engine(
    'a 250 leaves before its commit',
    ['nothing-is-said-early'],
    ['actors/queue/accept.ts', 'core.turns.promise(() => answered());', 'answered();'],
  ),
  engine(
    'a queue whose sources are all suspended rests until the last is back',
    ['all-suspended-waits-for-the-earliest'],
    [
      'actors/pools.ts',
      'earliest = Math.min(earliest, row.until);',
      'earliest = Math.max(earliest === Infinity ? 0 : earliest, row.until);',
    ],
  ),
  engine(
    "a sink's cursor is kept at what was read, not at what was settled",
    ['sinks-miss-nothing'],
    [
      'projections/shipper/held.ts',
      'return first === undefined ? held.readUpto : first - 1;',
      'return first === undefined ? held.readUpto : Math.max(first, held.readUpto);',
    ],
  ),
  engine(
    'a sink is not told of attempts whose outcome is unknown',
    ['sinks-miss-nothing'],
    [
      'projections/log-record/project.ts',
      "'message.unsettled': attempts.unknownOutcome,",
      "'message.unsettled': undefined,",
    ],
  ),
  engine(
    'a sink gets types of records that its hook does not take',
    ['sinks-hear-only-what-happened'],
    [
      'projections/shipper/filter.ts',
      'if (!filter.types.has(record.type)) return false;',
      'if (filter.types.size === 0) return false;',
    ],
  ),
  engine(
    'a sink that is away has all of the log read ahead',
    ['sinks-hold-a-bounded-backlog'],
    [
      'projections/shipper/reading.ts',
      'const room = readyMaxOf(held) - held.hand.count;',
      'const room = readyMaxOf(held);',
    ],
  ),
  chart('a message that nobody takes is sent once more instead of settled', 'connection', [
    'actors/connection/chart.ts',
    "on: { ...served, 'body.answered': 'settled' },",
    "on: { ...served, 'body.answered': 'idle' },",
  ]),
  chart('a 421 in place of the verdict is not heard', 'connection', [
    'actors/connection/chart.ts',
    "on: { ...served, 'body.answered': judged },",
    "on: { ...working, 'body.answered': judged },",
  ]),
  chart('refused records are no dead letters before the cursor moves on', 'shipper', [
    'projections/shipper/chart.ts',
    "always: [{ guard: 'mustBury', target: 'burying' }, { target: 'saving' }],",
    "always: [{ guard: 'mustSave', target: 'saving' }, { target: 'burying' }],",
  ]),
  chart('a sink that answers too late is not heard', 'shipper', [
    'projections/shipper/chart.ts',
    "on: { ...answered, 'deadline.passed': { target: 'backingOff', actions: 'noteStuck' } },",
    "on: { 'deadline.passed': { target: 'backingOff', actions: 'noteStuck' } },",
  ]),
];

/** The text of a file with the mutation in it; throws where it no longer applies. */
export function plant({ name, file, from, to }: Mutant, text: string): string {
  const times = text.split(from).length - 1;
  if (times === 1) return text.replace(from, () => to);
  throw new Error(`'${name}' applies ${times} times in ${file}: mend it in mutants.ts: ${from}`);
}
