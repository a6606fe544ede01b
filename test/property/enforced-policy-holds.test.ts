/**
 * Law: once an enforced MTA-STS policy of a domain was fetched, and until it is out of date or
 * another took its place, none of the domain's mail leaves in clear, over TLS that was not checked,
 * or to a host that the policy does not allow: whatever becomes of record, file, DNS, TLS and
 * process. The idea: the world notes what was fetched, the exchangers note how they were spoken to.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allowsHost, parseStsPolicy } from '../../src/domain/mta-sts.ts';
import type { Copy } from '../../src/testing/world/exchanger.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import { assertLaw, makeWorld } from '../world/law.ts';
import type { StsAct } from '../world/sts-acts.ts';
import { performSts, stsAct } from '../world/sts-acts.ts';

/** Routes are used for a minute, and while they are asked for anew. */
const LAG_MS = 120_000;

/** What was met; a law whose cases are never met says nothing. */
const met = { checked: 0, clear: 0, denied: 0, shared: 0 };

/** The patterns that bound a domain's mail all through the lag before `at`; undefined: none did. */
function boundBy(world: World, domain: string, at: number): readonly string[] | undefined {
  const all = world.zone.fetched
    .filter((one) => one.domain === domain && one.at <= at)
    .map((one) => ({ at: one.at, policy: parseStsPolicy(one.text) }));
  // A file that cannot be read takes no policy's place.
  const read = all.flatMap(({ at: from, policy }) => ('why' in policy ? [] : [{ from, policy }]));
  const recent = read.filter(({ from }) => from > at - LAG_MS);
  const before = read.findLast(({ from }) => from <= at - LAG_MS);
  if (before === undefined || before.policy.mode !== 'enforce') return undefined;
  if (at >= before.from + before.policy.maxAgeMs) return undefined;
  if (recent.some(({ policy }) => policy.mode !== 'enforce')) return undefined;
  return [before, ...recent].flatMap(({ policy }) => policy.patterns);
}

function judgeCopy(world: World, copy: Copy): void {
  const recipient = copy.to[0] as string;
  const domain = recipient.slice(recipient.indexOf('@') + 1);
  const mark = /\bm\d+\b/.exec(copy.body)?.[0] ?? '';
  const message = world.mails.get(mark)?.messages.find(({ to }) => to.includes(recipient));
  const story = world.witness.messages.get(message?.id ?? '');
  const offer = story?.offers.findLast(({ at }) => at <= copy.at);
  assert.ok(offer !== undefined, 'a copy was offered before');
  const patterns = boundBy(world, domain, offer.at);
  if (patterns === undefined) {
    if (copy.security === 'clear') met.clear += 1;
    return;
  }
  const what = `${domain} at ${copy.host}, offered ${offer.at}, copied ${copy.at}`;
  assert.equal(copy.security, 'checked', `${what}: ${copy.security}`);
  assert.ok(allowsHost(patterns, copy.host), `${what}: not among ${patterns.join()}`);
  met.checked += 1;
  if (domain === 'same.test') met.shared += 1;
}

async function play(seed: number, hasFaults: boolean, acts: readonly StsAct[]): Promise<World> {
  const plan = makePlan({ path: { opportunistic_tls_reconnect_on_failed_handshake: true } });
  const world = await makeWorld({ seed, plan }, hasFaults);
  world.addDomain('evil.test', () => undefined);
  for (const act of acts) await performSts(world, act, () => {});
  await world.runFor(600_000);
  for (const { exchanger } of world.net.hosts.values()) {
    for (const copy of exchanger.copies) judgeCopy(world, copy);
  }
  met.denied += world.engine.core.tallies.stsImpossible;
  return world;
}

test('an enforced policy holds', async () => {
  const acts = fc.array(stsAct, { minLength: 1, maxLength: 60, size: 'max' });
  await assertLaw(
    fc.asyncProperty(fc.nat(), fc.boolean(), acts, async (seed, hasFaults, all) => {
      await play(seed, hasFaults, all);
    }),
  );
});

const PUBLISH = { do: 'publish', mode: 'enforce', allows: 'own', maxAge: 86_400, id: 1 } as const;

test('and mail goes on under it, beside mail of others in the same ready queue', async () => {
  Object.assign(met, { checked: 0, clear: 0, denied: 0, shared: 0 });
  const submit = {
    do: 'submit',
    to: ['u1@same.test', 'u2@a.test', 'u3@b.test'],
    bytes: 200,
  } as const;
  const world = await play(7, false, [
    { do: 'tls', domain: 'a.test', tls: 'valid' },
    // Two domains share an exchanger; one of them has a policy.
    { ...PUBLISH, domain: 'same.test' },
    submit,
    { do: 'wait', ms: 200_000 },
    submit,
    { do: 'wait', ms: 100_000 },
    { do: 'hideRecord', domain: 'same.test' },
    { do: 'hideFile', domain: 'same.test' },
    { do: 'lie', domain: 'same.test', isOn: true },
    { do: 'wait', ms: 100_000 },
    submit,
    { do: 'wait', ms: 1_000 },
    { do: 'crash' },
    { do: 'wait', ms: 100_000 },
    submit,
    { ...PUBLISH, domain: 'b.test', allows: 'other', id: 2 },
    { do: 'wait', ms: 100_000 },
    submit,
    { do: 'wait', ms: 100_000 },
  ]);
  const copies = [...world.net.hosts.values()].flatMap(({ exchanger }) => exchanger.copies);
  const to = (name: string) => copies.filter((copy) => copy.to.includes(name));
  assert.equal(to('u1@same.test').length, 5, 'all of it arrived');
  assert.ok(to('u1@same.test').every(({ security }) => security === 'checked'));
  assert.equal(to('u2@a.test').length, 5);
  assert.ok(met.shared >= 3 && met.clear >= 1 && met.denied >= 1, JSON.stringify(met));
});
