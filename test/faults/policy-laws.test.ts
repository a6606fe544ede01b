/**
 * A policy that asks to be held against the laws before it comes into force, end to end: a mistake
 * that the loader cannot see is refused with law, way and seed while mail goes on; a kill in the
 * middle leaves the version in force; what holds is used, and says for how long it was tried.
 * Deliberately unknown here: how a law is judged.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { waybill } from '../examples/cli-run.ts';
import { POLICY, PolicyWorld } from './policy-world.ts';
import { makeScratch, until } from './scratch.ts';
import { verifyData } from './verify.ts';

const EFFECT_MS_MAX = 60_000;
const COPIES_MIN = 20;

const gated = (budget: string, more = ''): string =>
  POLICY.replace("'1s');", `'1h');\n      setup.checkLaws({ budget: '${budget}' });`).replace(
    "egress_pool: 'main',",
    `egress_pool: 'main',${more}`,
  );

/** The loader asks for a domain that is nobody's, so only mail to this one meets the mistake. */
const MISTAKE = "\n      ...(domain === 'slow.example' ? { egress_pool: 'slow' } : {}),";
const withMistake = (budget: string): string =>
  gated(budget)
    .replace('get_queue_config: () => ({', 'get_queue_config: (domain) => ({')
    .replace("egress_pool: 'main',", `egress_pool: 'main',${MISTAKE}`);

describe('the gate of laws', () => {
  const scratch = makeScratch('policy-laws');
  const world = new PolicyWorld(scratch.path);
  const [one] = world.targets;
  const order = (...words: string[]) => waybill('policy', ...words, '--data', world.data);
  const versionInForce = async (): Promise<number> => {
    const { out } = await order('list', '--json');
    const list = JSON.parse(out) as { number: number; isCurrent: boolean }[];
    return list.find(({ isCurrent }) => isCurrent)?.number ?? 0;
  };

  before(async () => {
    await world.prepare();
    world.edit('policy.ts', gated('1s'));
    await world.start().demandPort();
    world.startSending();
  });
  after(async () => {
    await world.close();
    scratch.remove();
  });

  test('what breaks a law is refused with law, way and seed, and mail goes on', async () => {
    world.edit('policy.ts', withMistake('60s'));
    const copiesBefore = one.copies.length;
    const { code, err } = await order('reload');
    assert.equal(code, 1, err);
    assert.match(err, /The laws: handlers-answer is broken: .*knows the pool 'slow'/);
    assert.match(err, /\n00:00:00\.100 {2}1\. send to u@slow\.example/);
    assert.ok(one.copies.length > copiesBefore + COPIES_MIN, 'mail went on');
    assert.equal(await versionInForce(), 1);
    const shown = await order('show', '2');
    assert.match(shown.out, /refused {2}handlers-answer is broken/);
    assert.match(shown.out, /Again: waybill check/);
    const again = /^Again: waybill (check .*)$/m.exec(err)?.[1] ?? '';
    const repeated = await waybill(...again.split(' '), '--json');
    const verdict = JSON.parse(repeated.out) as { law: string; repeat: string };
    assert.deepEqual([verdict.law, verdict.repeat], ['handlers-answer', `waybill ${again}`]);
    const listed = await order('list');
    assert.doesNotMatch(listed.out, /00:00:00\.100/, 'a list has one line for each');
  });

  test('a version without a find is accepted, and says how far the check came', async () => {
    world.edit('policy.ts', gated('2s', " max_age: '3 days',"));
    const { code, out, err } = await order('reload');
    assert.equal(code, 0, err);
    assert.match(out, /^version 3 is in force; 20 laws held in \d+ runs? of 2 s \(seed 1\)$/m);
  });

  test('a kill in the middle leaves the version in force, and mail does not wait', async () => {
    world.edit('policy.ts', withMistake('300s').replace("'slow.example'", "'slow'.concat('.x')"));
    const cut = order('reload');
    await until(() => /version 4 is being held/.test(world.daemon.tail), EFFECT_MS_MAX);
    assert.match(world.daemon.tail, /version 4 is being held against the laws/);
    await world.daemon.kill();
    assert.notEqual((await cut).code, 0);
    assert.equal(await versionInForce(), 3);
    const arrived = one.copies.length;
    world.edit('policy.ts', withMistake('60s'));
    await world.start().demandPort();
    await until(() => one.copies.length > arrived + COPIES_MIN, EFFECT_MS_MAX);
    assert.ok(one.copies.length > arrived + COPIES_MIN, world.daemon.tail);
    await until(() => /the laws: handlers-answer/.test(world.daemon.tail), EFFECT_MS_MAX);
    assert.match(world.daemon.tail, /the laws: handlers-answer.*version 3 stays in force/);
    assert.equal(await versionInForce(), 3);
  });

  test('the log knows nothing of what was refused: it is sound, and replays the same', async () => {
    await world.stopSending();
    const { code } = await world.daemon.stop();
    assert.equal(code, 0, world.daemon.tail);
    const told = verifyData(world.data);
    assert.equal(told.code, 0, told.text);
    const replayed = await waybill('replay', '--data', world.data, '--policy', 'active');
    assert.equal(replayed.code, 0, replayed.out + replayed.err);
  });
});
