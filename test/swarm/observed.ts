/**
 * A world as the shipped laws see it: its durable log, what was answered to submitters, what left
 * over the wire. The one idea: the laws that operators hold against their policies judge the engine
 * itself by the same functions. Deliberately unknown here: what the laws say.
 */
import { definePolicy } from '../../src/policy/define.ts';
import { asTestPolicy } from '../../src/testing/load-policy.ts';
import { seenOf } from '../../src/testing/observing.ts';
import type { MailCommand, Observed, Sent } from '../../src/testing/result.ts';
import { Reached } from '../../src/testing/watching.ts';
import type { Faults } from '../../src/testing/world/chance.ts';
import type { Mail, World } from '../../src/testing/world/world.ts';

const NO_POLICY = asTestPolicy(
  definePolicy({ init: (setup) => setup.smtpListener({ listen: '127.0.0.1:2025' }) }),
);

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
  return {
    ...seenOf(world),
    seed: world.seed,
    scenario: { steps: [], faults },
    policy: NO_POLICY,
    steps: [],
    // Mail may be about to grow too old when the world turns kind; that all of it ends is judged.
    calmAt: undefined,
    sent: [...world.mails.values()].map(sentOf),
    mailed,
    waiting: new Map(),
    reached: new Reached(),
  };
}
