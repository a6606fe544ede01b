/**
 * Law: however late handlers answer, a pipelined session hears its replies in the order of its
 * commands, the same as if they had answered at once; and a refusal at any event leaves no message.
 * The one idea: the same session is told twice, with and without delays, and compared. It does not
 * know which replies are right; the stories do.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { disconnect, reject } from '../../src/policy/define.ts';
import { wait } from '../examples/intake-world.ts';
import type { ReceptionWorld } from '../examples/reception-kit.ts';
import { openReception } from '../examples/reception-kit.ts';
import { assertLaw } from '../world/law.ts';

type Doing = 'goes' | 'rejects' | 'throws' | 'leaves';
interface Act {
  readonly does: Doing;
  /** Undefined: at once; else after so many ms. */
  readonly delayMs: number | undefined;
}

const EVENTS = [
  'smtp_server_ehlo',
  'smtp_server_mail_from',
  'smtp_server_rcpt_to',
  'smtp_server_data',
  'smtp_server_split_transaction',
  'smtp_server_message_received',
] as const;

const act: fc.Arbitrary<Act> = fc.record({
  does: fc.oneof(
    { weight: 8, arbitrary: fc.constant<Doing>('goes') },
    { weight: 2, arbitrary: fc.constant<Doing>('rejects') },
    { weight: 1, arbitrary: fc.constantFrom<Doing>('throws', 'leaves') },
  ),
  delayMs: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
});
const script = fc.array(act, { minLength: 1, maxLength: 24 });

const command = fc.constantFrom(
  'MAIL FROM:<a@a.test>',
  'RCPT TO:<b@b.test>',
  'RCPT TO:<c@c.test>',
  'NOOP',
  'RSET',
  'EHLO again.test',
);
const MESSAGE = ['MAIL FROM:<a@a.test>', 'RCPT TO:<b@b.test>', 'RCPT TO:<c@c.test>', 'DATA'];
// DATA is not sent blindly: what follows a refused one would be read as commands, and is.
const part = fc.oneof(
  { weight: 2, arbitrary: command.map((one) => [one]) },
  { weight: 1, arbitrary: fc.constant([...MESSAGE, 'x: y', '', 'body', '.', 'RSET']) },
);
const session = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.flat());

let acts: readonly Act[] = [];
let next = 0;
let isDelayed = false;

const perform = ({ does }: Act): undefined => {
  if (does === 'rejects') reject(550, '5.7.1 no');
  if (does === 'leaves') disconnect(550, '5.7.1 away');
  if (does === 'throws') throw new Error('broken');
  return undefined;
};

/** What policy has refused of the transaction under way. */
const refusedNow = { isWhole: false, recipients: new Set<string>() };

const note = (event: string, about: unknown, { does }: Act): void => {
  const isRefused = does !== 'goes';
  if (event === 'smtp_server_mail_from') {
    refusedNow.isWhole = isRefused;
    refusedNow.recipients.clear();
  } else if (event === 'smtp_server_rcpt_to') {
    if (isRefused) refusedNow.recipients.add(String(about));
    else refusedNow.recipients.delete(String(about));
  } else if (isRefused && event !== 'smtp_server_ehlo') refusedNow.isWhole = true;
};

const handlerOf =
  (event: string) =>
  (about: unknown): undefined | Promise<undefined> => {
    const now = acts[next % acts.length] as Act;
    next += 1;
    note(event, about, now);
    if (!isDelayed || now.delayMs === undefined) return perform(now);
    return wait(now.delayMs).then(() => perform(now));
  };

const ids = /[0-9a-f]{32}/g;

interface Heard {
  readonly replies: string;
  readonly stored: number;
  readonly asked: number;
}

async function tell(world: ReceptionWorld, said: readonly string[], late: boolean): Promise<Heard> {
  isDelayed = late;
  next = 0;
  const before = world.host.submissions.length;
  const client = await world.dial();
  await client.reply();
  client.send(`${['EHLO c.test', ...said, 'QUIT'].join('\r\n')}\r\n`);
  await client.over();
  const stored = world.host.submissions.length - before;
  return { replies: client.heard.replace(ids, 'id'), stored, asked: next };
}

test('late handlers change nothing but the time', async (t) => {
  const world = await openReception(
    Object.fromEntries(EVENTS.map((event) => [event, handlerOf(event)])),
  );
  t.after(() => world.end());
  const wrong: string[] = [];
  const submit = world.host.submit.bind(world.host);
  world.host.submit = (submission, answered) => {
    if (refusedNow.isWhole) wrong.push('a message of a refused transaction');
    for (const { to } of submission.messages) {
      for (const one of to) if (refusedNow.recipients.has(one)) wrong.push(`to ${one}, refused`);
    }
    submit(submission, answered);
  };
  let accepted = 0;
  let refused = 0;
  const property = fc.asyncProperty(script, session, async (made, said) => {
    acts = made;
    const soon = await tell(world, said, false);
    const late = await tell(world, said, true);
    assert.deepEqual(late, soon);
    const taken = soon.replies.match(/^250 2\.0\.0 OK ids=/gm)?.length ?? 0;
    assert.equal(soon.stored, taken);
    assert.deepEqual(wrong, []);
    accepted += taken;
    if (/^550 5\.7\.1/m.test(soon.replies)) refused += 1;
  });
  await assertLaw(property, 1, () => accepted > 5 && refused > 5);
});
