/**
 * Every command that looks back, over a log in which a recipient was erased: each answers as it
 * does of others, none shows the address, and the ledger is what it was.
 * Deliberately unknown here: how an erasure is carried out.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyLog } from '../../src/cli/verify-log.ts';
import { LogPast } from '../../src/events/log-past.ts';
import { withDir } from '../contracts/log-place.ts';
import { makeHistory, PEOPLE } from '../world/erasure.ts';
import { waybill } from './cli-run.ts';

const WHO = PEOPLE[3];
const FORMS = [WHO, WHO.replace('@', '='), WHO.replace('@', '%40')];
const POLICY = `import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) { setup.smtpListener({ listen: '127.0.0.1:0' }); },
});
`;

const countsOf = (dir: string) => {
  const { recipients, messages, attempts, imbalance, differences, damage } = verifyLog(dir);
  return { recipients, messages, attempts, imbalance, differences, damage };
};

const shows = (text: string): boolean =>
  FORMS.some((form) => text.toLowerCase().includes(form.toLowerCase()));

/** A message of the one who is erased; the first. */
function messageOf(dir: string): {
  readonly id: string;
  readonly position: number;
  readonly queue: string;
} {
  const past = new LogPast(dir);
  const filter = { types: ['message.accepted'] };
  for (const { stream, body, position } of past.records(filter, past.first, past.last)) {
    const { to, queue } = JSON.parse(body) as { to: string[]; queue: string };
    if (to.includes(WHO)) return { id: stream, position, queue };
  }
  assert.fail('nobody wrote to them');
}

test('what looks back answers over an erased recipient, and shows no address', () =>
  withDir(async (scratch) => {
    const data = join(scratch, 'data');
    const bundle = join(scratch, 'one.bundle');
    const opened = join(scratch, 'opened');
    const policy = join(scratch, 'policy.ts');
    writeFileSync(policy, POLICY);
    await makeHistory(data, { seed: 3, messages: 60 });
    const { id, position, queue } = messageOf(data);
    const there = ['--data', data];
    const past = await waybill('at', `${position}`, 'inspect-sched-q', queue, ...there, '--json');
    assert.ok(shows(past.out), `before, it is shown: ${past.err}`);
    const before = countsOf(data);
    const words = ['--recipient', WHO, '--reason', 'request 1', '--by', 'dpo', '--json'];
    const erased = await waybill('erase', ...words, ...there);
    assert.equal(erased.code, 0, erased.out + erased.err);
    const { order } = JSON.parse(erased.out) as { order: string };
    const token = `erased-${order.slice(0, 8)}@example.org`;

    /** Runs a command that must answer; says what it said. */
    const ask = async (codes: readonly number[], ...command: string[]): Promise<string> => {
      const { code, out, err } = await waybill(...command);
      const what = command.join(' ');
      assert.ok(codes.includes(code ?? -1), `${what} ended with ${code}: ${out}${err}`);
      assert.ok(!shows(out) && !shows(err), `${what} shows the address:\n${out}${err}`);
      assert.notEqual(out, '', what);
      return out;
    };
    for (const json of [[], ['--json']]) {
      const all = [...there, ...json];
      const then = await ask([0], 'at', `${position}`, 'inspect-sched-q', queue, ...all);
      assert.ok(then.includes(token), then);
      await ask([0], 'at', `${position}`, 'queues', ...all);
      await ask([0], 'at', `${position - 1}`, 'step', '9', ...all);
      await ask([1], 'diff', `${position - 1}`, 'now', ...all);
      assert.ok((await ask([0], 'journey', id, ...all)).includes(token));
      assert.ok((await ask([0], 'journey', token, ...all)).includes(id), 'found by the token');
      await ask([0], 'history', 'queue', queue, ...all);
      const query = `SELECT stream, body FROM events WHERE stream = '${id}'`;
      assert.ok((await ask([0], 'sql', query, ...all)).includes(token));
      // What this policy would do differently is not the question here.
      await ask([0, 1], 'replay', '--policy', policy, ...all);
    }
    // Nobody is found by the address any more; the sentence names what was asked for.
    assert.equal((await waybill('journey', WHO, ...there)).code, 1);
    await ask([0], 'bundle', id, ...there, '--out', bundle, '--no-redact');
    assert.ok(!shows(readFileSync(bundle).toString('latin1')));
    await ask([0], 'bundle', 'open', bundle, '--data', opened);
    assert.ok((await ask([0], 'journey', id, '--data', opened)).includes('erased-'));
    assert.deepEqual(countsOf(data), before);
    assert.deepEqual(before.damage, []);
  }));
