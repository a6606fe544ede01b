/**
 * SIGKILL while senders are being told of failures, again and again: in the end each message that
 * bounced has exactly one report in the log, and each report reached the next hop.
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
import { Target } from './target.ts';
import { verifyData } from './verify.ts';

const RECIPIENTS = isFullRun() ? 10_000 : 600;
const KILLS = isFullRun() ? 12 : 4;
const WORK_MS_MAX = isFullRun() ? 1_500 : 300;
const LOOK_MS = 100;
const DONE_MS_MAX = isFullRun() ? 600_000 : 120_000;

const policyFor = (http: number, target: number): string => `
import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:${http}' });
    setup.ndr({
      include_original_message: 'FullContent',
      enable_bounce: true,
      reporting_mta: { name: 'mx.probe.example' },
    });
  },
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${target}'] } },
    retry_interval: '1s',
    max_retry_interval: '1s',
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

interface Told {
  /** Messages that bounced, by id: to whom they went. */
  readonly bounced: Map<string, string>;
  /** Reports by the message they are about. */
  readonly reports: Map<string, string[]>;
  readonly delivered: Set<string>;
  readonly oddities: string[];
}

function readLog(data: string): Told {
  const told: Told = { bounced: new Map(), reports: new Map(), delivered: new Set(), oddities: [] };
  for (const { type, stream, body: text } of readRows(data)) {
    const body = JSON.parse(text) as Record<string, unknown>;
    if (type === 'message.bounced') told.bounced.set(stream, String(body['to']));
    else if (type === 'message.delivered') told.delivered.add(stream);
    else if (type === 'ndr.waived') told.oddities.push(`${stream}: ${body['cause']}`);
    else if (type === 'message.accepted' && body['service'] === 'ndr') {
      const of = (body['meta'] as { ndr_of: string }).ndr_of;
      told.reports.set(of, [...(told.reports.get(of) ?? []), stream]);
    }
  }
  return told;
}

async function inject(http: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${http}/api/inject/v1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      envelope_sender: 's.7@probe.example',
      content: { subject: 'Hi', text_body: `Hello\n${'x'.repeat(60)}\n` },
      recipients: Array.from({ length: RECIPIENTS }, (_, n) => ({ email: `u${n}@d${n % 9}.test` })),
    }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

test(`reports of ${RECIPIENTS} bounces survive kills`, async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  const dice = makeDice(seed);
  const scratch = makeScratch('ndr-kill');
  // A report has the null sender, and so no number.
  const target = new Target((number) => (Number.isNaN(number) ? 'take' : 'refuse'));
  const [http, port] = [await findFreePort(), await target.open()];
  const policy = join(scratch.path, 'policy.ts');
  const data = join(scratch.path, 'data');
  writeFileSync(policy, policyFor(http, port));
  let daemon = new Daemon(policy, data);
  try {
    await daemon.demandPort();
    await inject(http);
    const seen: number[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      await pause(dice.below(WORK_MS_MAX));
      await daemon.kill();
      const { reports, bounced } = readLog(data);
      seen.push(bounced.size - reports.size);
      daemon = new Daemon(policy, data);
      await daemon.demandPort();
    }
    t.diagnostic(`owed at each kill: ${seen.join(', ')}`);
    const isDone = (): boolean => {
      const { reports, delivered } = readLog(data);
      const ids = [...reports.values()].flat();
      return reports.size >= RECIPIENTS && ids.every((id) => delivered.has(id));
    };
    const end = performance.now() + DONE_MS_MAX;
    while (!isDone() && performance.now() < end) await pause(5 * LOOK_MS);
    assert.equal((await daemon.stop()).code, 0, daemon.tail);
  } finally {
    await daemon.kill();
    await target.close();
  }
  const { bounced, reports, delivered, oddities } = readLog(data);
  assert.deepEqual(oddities, []);
  assert.equal(bounced.size, RECIPIENTS);
  const wrong = [...bounced.keys()].filter((id) => reports.get(id)?.length !== 1);
  assert.deepEqual(wrong, [], 'each message that bounced has one report');
  assert.equal(reports.size, RECIPIENTS, 'nothing else has one');
  assert.equal(delivered.size, RECIPIENTS, 'each report was delivered');
  assert.ok(target.copies.length >= RECIPIENTS);
  for (const { to } of target.copies) assert.deepEqual(to, ['s.7@probe.example']);
  assert.equal(verifyData(data).code, 0);
  scratch.remove();
});
