/**
 * SIGKILL in the middle of a deferred generation, again and again: in the end each recipient of the
 * request has exactly one message in the log. FAULT_CASES=all takes 100,000 recipients.
 * Deliberately unknown here: how far the daemon was when it was killed.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Daemon } from './daemon.ts';
import { findFreePort } from './free-port.ts';
import { readRows } from './ledger.ts';
import { isFullRun, makeDice, makeScratch, pause, seedOfRun } from './scratch.ts';
import { verifyData } from './verify.ts';

const RECIPIENTS = isFullRun() ? 100_000 : 10_000;
const KILLS = isFullRun() ? 8 : 4;
const WORK_MS_MAX = isFullRun() ? 2_500 : 250;
/** Reading the log takes its time from the daemon. */
const LOOK_MS = isFullRun() ? 300 : 30;
const DONE_MS_MAX = isFullRun() ? 600_000 : 90_000;
/** Every so manieth recipient is none. */
const BAD_EVERY = 1_000;
const BAD = Math.ceil((RECIPIENTS - 7) / BAD_EVERY);

// Nothing is delivered: what is judged is what is taken.
const policyFor = (http: number, dead: number): string => `
import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:${http}', request_body_limit: 64 * 1024 * 1024 });
  },
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${dead}'] } },
    retry_interval: '4h',
    max_retry_interval: '4h',
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

const addressOf = (number: number): string =>
  number % BAD_EVERY === 7 ? `no address ${number}` : `u${number}@d${number % 50}.test`;

const makeRequest = () => ({
  envelope_sender: 's@x.test',
  deferred_generation: true,
  substitutions: { shop: 'Shop' },
  content: { subject: 'Hi {{ n }}', text_body: `{{ shop }} {{ n }}\n${'x'.repeat(60)}\n` },
  recipients: Array.from({ length: RECIPIENTS }, (_, number) => ({
    email: addressOf(number),
    substitutions: { n: number },
  })),
});

interface Told {
  readonly accepted: Map<string, number>;
  readonly finished: readonly { made: number; failed: number; errors: string[]; cause?: string }[];
}

function readLog(data: string): Told {
  const accepted = new Map<string, number>();
  const finished: Told['finished'][number][] = [];
  for (const { type, body } of readRows(data)) {
    if (type === 'generation.finished') finished.push(JSON.parse(body));
    if (type !== 'message.accepted') continue;
    const [to = ''] = (JSON.parse(body) as { to: string[] }).to;
    accepted.set(to, (accepted.get(to) ?? 0) + 1);
  }
  return { accepted, finished };
}

/** Waits until there are more messages than there were. */
async function untilMoved(data: string, before: number): Promise<void> {
  const end = performance.now() + DONE_MS_MAX;
  while (readLog(data).accepted.size <= before && performance.now() < end) await pause(LOOK_MS);
}

test(`deferred generation of ${RECIPIENTS} recipients survives kills`, async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  const dice = makeDice(seed);
  const scratch = makeScratch('inject-later');
  const http = await findFreePort();
  const policy = join(scratch.path, 'policy.ts');
  const data = join(scratch.path, 'data');
  writeFileSync(policy, policyFor(http, await findFreePort()));
  let daemon = new Daemon(policy, data);
  try {
    await daemon.demandPort();
    const answer = await fetch(`http://127.0.0.1:${http}/api/inject/v1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(makeRequest()),
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    assert.equal((JSON.parse(text) as { success_count: number }).success_count, 0);
    const seen: number[] = [];
    for (let kill = 0; kill < KILLS && (seen.at(-1) ?? 0) < RECIPIENTS - BAD; kill += 1) {
      await untilMoved(data, seen.at(-1) ?? 0);
      await pause(dice.below(WORK_MS_MAX));
      await daemon.kill();
      seen.push(readLog(data).accepted.size);
      daemon = new Daemon(policy, data);
      await daemon.demandPort();
    }
    t.diagnostic(`messages at each kill: ${seen.join(', ')}`);
    const midst = seen.filter((count) => count > 0 && count < RECIPIENTS).length;
    assert.ok(midst > 0, 'no kill came in the midst');
    const end = performance.now() + DONE_MS_MAX;
    while (readLog(data).finished.length === 0 && performance.now() < end)
      await pause(10 * LOOK_MS);
    await daemon.stop();
  } finally {
    await daemon.kill();
  }
  const { accepted, finished } = readLog(data);
  const twice = [...accepted].filter(([, count]) => count !== 1);
  assert.deepEqual(twice, []);
  assert.equal(accepted.size, RECIPIENTS - BAD);
  assert.equal(finished.length, 1);
  assert.equal(finished[0]?.cause, undefined);
  assert.equal(finished[0]?.made, RECIPIENTS - BAD);
  assert.equal(finished[0]?.failed, BAD);
  assert.match(finished[0]?.errors[0] ?? '', /^no address 7: is not an address$/);
  assert.equal(verifyData(data).code, 0);
  scratch.remove();
});
