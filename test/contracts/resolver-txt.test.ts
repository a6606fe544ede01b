/**
 * TXT records through the resolver: strings of one record joined, several records apart, aliases
 * followed, absences and failures told apart, and each kept for its time.
 * Deliberately unknown here: what the texts say.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from 'dns-packet';
import { createClock } from '../../src/ports/node/clock.ts';
import { createResolver } from '../../src/ports/node/resolver.ts';
import type { TxtAnswer } from '../../src/ports/ports.ts';
import type { Script } from './resolver-server.ts';
import { cname, soa, startDnsServer } from './resolver-server.ts';

const txt = (name: string, data: string[] | string, ttl = 300): Answer => ({
  type: 'TXT',
  class: 'IN',
  name,
  ttl,
  data,
});

async function ask(name: string, script: Script): Promise<{ answer: TxtAnswer; asked: number }> {
  const server = await startDnsServer(() => script);
  const clock = createClock();
  const resolver = createResolver({ clock, servers: [server.place], timeoutMs: 400 });
  const find = () => new Promise<TxtAnswer>((done) => resolver.findTxt(name, done));
  try {
    await find();
    return { answer: await find(), asked: server.seen.length };
  } finally {
    resolver.stop();
    server.stop();
  }
}

test('strings of one record belong together, records do not', async () => {
  const name = '_mta-sts.d.test';
  const answers = [txt(name, ['v=STSv1; ', 'id=1;']), txt(name, 'other')];
  const { answer, asked } = await ask('_MTA-STS.d.test.', { answers });
  assert.ok(answer.kind === 'found');
  assert.deepEqual(answer.texts, ['v=STSv1; id=1;', 'other']);
  assert.equal(asked, 1, 'the second answer came from the cache');
});

test('an alias leads to the texts of another name', async () => {
  const answers = [cname('_mta-sts.d.test', 'x.test'), txt('x.test', 'here')];
  const { answer } = await ask('_mta-sts.d.test', { answers });
  assert.ok(answer.kind === 'found');
  assert.deepEqual(answer.texts, ['here']);
});

test('bytes that are no text stay bytes', async () => {
  const answers = [txt('d.test', '\u00ff\u0000x')];
  const { answer } = await ask('d.test', { answers });
  assert.ok(answer.kind === 'found');
  assert.equal(Buffer.from(answer.texts[0] ?? '', 'latin1').toString('utf8'), '\u00ff\u0000x');
});

test('no texts, no such name, and a server in trouble are three things', async () => {
  const authorities = [soa('d.test', 60, 60)];
  const absent = await ask('d.test', { authorities });
  assert.equal(absent.answer.kind, 'absent');
  const nobody = await ask('d.test', { rcode: 3, authorities });
  assert.ok(nobody.answer.kind === 'failed');
  assert.equal(nobody.answer.fault.code, 'FAULT_DNS_NXDOMAIN');
  const trouble = await ask('d.test', { rcode: 2 });
  assert.ok(trouble.answer.kind === 'failed');
  assert.equal(trouble.answer.fault.code, 'FAULT_DNS_SERVFAIL');
});
