/**
 * A world as the shipped laws see it: its durable log, what was answered to submitters, what left
 * over the wire. The one idea: the laws that operators hold against their policies judge the engine
 * itself by the same functions. Deliberately unknown here: what the laws say.
 */
import { definePolicy } from '../../src/policy/define.ts';
import { asTestPolicy } from '../../src/testing/load-policy.ts';
import type { Happening, MailCommand, Observed, Sent } from '../../src/testing/result.ts';
import { Reached } from '../../src/testing/watching.ts';
import type { Faults } from '../../src/testing/world/chance.ts';
import type { Mail, World } from '../../src/testing/world/world.ts';
import { START_AT } from '../../src/testing/world/world.ts';

const NO_POLICY = asTestPolicy(
  definePolicy({ init: (setup) => setup.smtpListener({ listen: '127.0.0.1:2025' }) }),
);

/** MAIL commands as they leave, from now on. */
export function tapMail(world: World): readonly MailCommand[] {
  const mailed: MailCommand[] = [];
  world.onWrite = (link, bytes) => {
    if (bytes.toString('latin1', 0, 10) === 'MAIL FROM:') mailed.push({ at: world.now, link });
  };
  return mailed;
}

function sentOf({ mark, messages, submittedAt, answeredAt, refusal }: Mail): Sent {
  const isAnswered = answeredAt !== undefined;
  return {
    mark,
    at: submittedAt,
    from: 'sender@here.test',
    to: messages.flatMap(({ to }) => to),
    isProbe: false,
    answeredAt,
    code: refusal?.code ?? (isAnswered ? 250 : undefined),
    text: refusal?.text ?? '',
    ids: messages.map(({ id }) => id),
  };
}

/** What was seen of a world. */
export function observe(world: World, mailed: readonly MailCommand[], faults: Faults): Observed {
  const { witness, zone, net } = world;
  const hosts = [...zone.addresses].map(([name, [first = '']]) => [name, first] as const);
  return {
    seed: world.seed,
    scenario: { steps: [], faults },
    policy: NO_POLICY,
    startedAt: START_AT,
    steps: [],
    // Mail may be about to grow too old when the world turns kind; that all of it ends is judged.
    calmAt: undefined,
    endedAt: world.now,
    events: witness.records.map(
      ({ position, turn, at, type, stream, body }): Happening => ({
        position,
        turn,
        at,
        type,
        stream,
        body: JSON.parse(body) as Record<string, unknown>,
      }),
    ),
    messages: witness.messages,
    sent: [...world.mails.values()].map(sentOf),
    dialled: net.dialled,
    mailed,
    copies: [...net.hosts.values()].flatMap(({ exchanger }) => exchanger.copies),
    hosts: new Map(hosts),
    oddities: witness.oddities,
    said: world.said,
    waiting: new Map(),
    reached: new Reached(),
  };
}
