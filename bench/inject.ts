/**
 * How many recipients a second HTTP injection takes: a 10 KB template with three substitutions, in
 * requests of 500 recipients, four at a time. First with a host and bodies that keep nothing, which
 * tells the cost of the intake and how long it holds the main thread; then through a whole daemon,
 * where every answer is durable. Usage: node --import tsx bench/inject.ts [recipients] [--html]
 * [--each=500] [--deferred-spool] [--silent: exchangers take connections and say nothing]
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IntakeHost, Submission } from '../src/intake/host.ts';
import type { InjectClient } from '../src/intake/inject/draft.ts';
import { Injecting } from '../src/intake/inject/injecting.ts';
import { createPresses } from '../src/intake/inject/press-desk.ts';
import type { Bodies } from '../src/ports/ports.ts';
import { Daemon } from '../test/faults/daemon.ts';
import { findFreePort } from '../test/faults/free-port.ts';
import { watchHolds } from './holds.ts';

const [recipients = 20_000] = process.argv
  .slice(2)
  .filter((word) => /^\d+$/.test(word))
  .map(Number);
const isHtml = process.argv.includes('--html');
const EACH = Number(process.argv.find((word) => word.startsWith('--each='))?.slice(7) ?? 500);
const mayDefer = process.argv.includes('--deferred-spool');
const isSilent = process.argv.includes('--silent');
const LANES = 4;
const WARM = 2_000;

const line = `${'Lorem ipsum dolor sit amet, consectetur adipiscing elit sed.'.padEnd(72, '.')}\n`;
const text = `Dear {{ name }},\nyour code is {{ code }} at {{ shop }}.\n${line.repeat(139)}`;

const makeRequest = (from: number) => ({
  envelope_sender: 's@x.test',
  deferred_spool: mayDefer,
  substitutions: { shop: 'Shop' },
  content: {
    from: { email: 'news@x.test', name: 'News' },
    subject: 'Hello {{ name }}',
    ...(isHtml ? { html_body: `<pre>Grüße, ${text}</pre>` } : { text_body: text }),
  },
  recipients: Array.from({ length: EACH }, (_, at) => ({
    email: `u${from + at}@d${at % 50}.test`,
    name: `Nobody ${at}`,
    substitutions: { code: `c-${from + at}` },
  })),
});

/** The requests for `count` recipients: made before anything is measured. */
const makeRequests = (count: number): Buffer[] =>
  Array.from({ length: Math.ceil(count / EACH) }, (_, at) =>
    Buffer.from(JSON.stringify(makeRequest(at * EACH))),
  );

/** Sends requests for `count` recipients through `send`; answers how many a second. */
async function measure(
  count: number,
  send: (bytes: Buffer) => Promise<number>,
  requests = makeRequests(count),
): Promise<number> {
  let taken = 0;
  const lane = async (): Promise<void> => {
    for (;;) {
      const bytes = requests.pop();
      if (bytes === undefined) return;
      const made = await send(bytes);
      taken += made;
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: LANES }, lane));
  if (taken < count) throw new Error(`${taken} of ${count} were taken`);
  return taken / ((performance.now() - startedAt) / 1000);
}

class Nowhere implements IntakeHost {
  #next = 0;
  admit(): undefined {
    return undefined;
  }
  allocateIds(count: number): string[] {
    return Array.from({ length: count }, () => (this.#next++).toString(16).padStart(32, '0'));
  }
  submit(_submission: Submission, answered: () => void): void {
    setImmediate(answered);
  }
}

const bodies: Bodies = {
  write(_header, chunks, answered) {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    setImmediate(() => answered({ segment: 0, offset: 0, length, sum: 0 }));
  },
  read() {},
  refer() {},
};

async function measureIntake(): Promise<void> {
  const counts = { received: 0, failed: 0, requests: 0, refused: 0 };
  const presses = createPresses();
  const now = () => Date.now();
  const parts = { host: new Nowhere(), bodies, presses, counts, now, shape: undefined };
  const injecting = new Injecting(parts);
  const client: InjectClient = {
    peer: '127.0.0.1',
    via: '127.0.0.1',
    listener: '127.0.0.1:1',
    hostname: 'h.test',
    auth: '127.0.0.1',
  };
  const send = async (bytes: Buffer): Promise<number> =>
    (await injecting.inject(await presses.open(bytes), client, () => false)).success_count;
  await measure(WARM, send);
  const requests = makeRequests(recipients);
  const endHolds = watchHolds();
  const { cpuUsage } = process;
  const before = cpuUsage();
  const rate = await measure(recipients, send, requests);
  const { user, system } = cpuUsage(before);
  const { heldMsMax, heldMsP999, heldGcMs, heldWaitedMs } = endHolds();
  await presses.stop();
  const cpu = (user + system) / recipients;
  const held =
    `main thread held ${heldMsMax.toFixed(1)} ms of CPU at most (${heldGcMs.toFixed(1)} ms of ` +
    `it collecting garbage; it waited ${heldWaitedMs.toFixed(1)} ms), ` +
    `p99.9 ${heldMsP999.toFixed(1)}`;
  console.log(
    `intake alone: ${Math.round(rate)} recipients/s, ${cpu.toFixed(0)} us CPU each, ${held}`,
  );
}

const policyFor = (http: number, dead: number): string => `
import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:${http}' });
  },
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${dead}'] } },
    retry_interval: '4h',
    max_retry_interval: '4h',
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

async function measureDaemon(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-inject-'));
  const http = await findFreePort();
  const policy = join(folder, 'policy.ts');
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port: silentPort } = silent.address() as AddressInfo;
  writeFileSync(policy, policyFor(http, isSilent ? silentPort : await findFreePort()));
  const daemon = new Daemon(policy, join(folder, 'data'));
  try {
    await daemon.demandPort();
    const send = async (body: Buffer): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${http}/api/inject/v1`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new Uint8Array(body),
      });
      const said = await answer.text();
      if (!answer.ok) throw new Error(`${answer.status} ${said}`);
      return (JSON.parse(said) as { success_count: number }).success_count;
    };
    await measure(WARM, send);
    const rate = await measure(recipients, send);
    console.log(`whole daemon, nothing can be delivered: ${Math.round(rate)} recipients/s`);
    await daemon.stop();
  } finally {
    await daemon.kill();
    silent.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await measureIntake();
await measureDaemon();
