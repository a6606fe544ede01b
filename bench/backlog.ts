/**
 * A million messages waiting in a hundred thousand queues: what they cost in memory, and how soon a
 * start takes mail and has all of them scheduled. The log is written through the real log and the
 * real fold, then the real daemon is killed and started on it. Prints one line per figure.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Books } from '../src/domain/books.ts';
import { formatMessageId } from '../src/domain/message-id.ts';
import { parsePoolConfig, UNSPECIFIED } from '../src/domain/options-egress.ts';
import { parseQueueConfig } from '../src/domain/options-queue.ts';
import { encodeBooks } from '../src/domain/snapshot.ts';
import type { Event } from '../src/events/catalogue.ts';
import { encode, fold } from '../src/events/codec.ts';
import { openSqliteLog } from '../src/events/sqlite-log.ts';
import { answerKey, answerText } from '../src/policy/answer-text.ts';
import { openBodies } from '../src/ports/node/bodies.ts';
import type { BodyRef } from '../src/ports/ports.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    queues: { type: 'string', default: '100000' },
    /** Records after the snapshot, as a kill would leave them. */
    tail: { type: 'string', default: '50000' },
  },
});
const MESSAGES = Number(values.messages);
const QUEUES = Number(values.queues);
const TAIL = Number(values.tail);
const TURN_RECORDS = 256;
const NODE = 'b0a7b0a7';

const QUEUE = { protocol: { smtp: { mx_list: ['127.0.0.1:9'] } } };
const POLICY = `import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) { setup.smtpListener({ listen: '127.0.0.1:0' }); },
  get_queue_config: () => (${JSON.stringify(QUEUE)}),
  get_egress_path_config: () => ({ prohibited_hosts: [] }),
});
`;

async function writeBacklog(dir: string): Promise<void> {
  const bodies = await openBodies({ dir: join(dir, 'bodies') });
  const body = await new Promise<BodyRef>((resolve, reject) => {
    bodies.write('{}', [Buffer.from('Subject: waiting\r\n\r\nhello\r\n')], (outcome) => {
      if ('code' in outcome) reject(new Error(outcome.cause));
      else resolve(outcome);
    });
  });
  let durable = 0;
  const listener = {
    durable: (turn: number) => {
      durable = turn;
    },
    failed: (fault: { cause: string }) => {
      throw new Error(fault.cause);
    },
  };
  const { log } = await openSqliteLog({ dir, listener });
  const books = new Books();
  let position = 1;
  let turn = 1;
  let pending: Event[] = [];
  const at = Date.now();
  const flush = async (): Promise<void> => {
    const first = position;
    for (const event of pending) {
      fold(books, event, { stream: event.stream, position, at });
      position += 1;
    }
    log.append({ turn, at, position: first, drafts: pending.map(encode) });
    pending = [];
    turn += 1;
    while (turn - durable > 64) await new Promise((resolve) => setImmediate(resolve));
  };
  const push = async (event: Event): Promise<void> => {
    pending.push(event);
    if (pending.length >= TURN_RECORDS) await flush();
  };
  const snapshotAfter = MESSAGES + QUEUES - TAIL;
  let hasSnapshot = false;
  for await (const event of makeEvents(at, body)) {
    await push(event);
    if (!hasSnapshot && position >= snapshotAfter) {
      hasSnapshot = true;
      await flush();
      const startedAt = performance.now();
      const bytes = encodeBooks(books);
      const tookMs = Math.round(performance.now() - startedAt);
      console.log(`snapshot: ${(bytes.length / 1e6).toFixed(1)} MB, encoded in ${tookMs} ms`);
      await new Promise<void>((resolve) => log.saveSnapshot(position - 1, bytes, () => resolve()));
    }
  }
  await flush();
  await new Promise<void>((resolve) => log.close(resolve));
  await new Promise<void>((resolve) => bodies.close(resolve));
}

function* makeEvents(at: number, body: BodyRef): Generator<Event> {
  // As the policy below answers, so that no queue is configured anew at the first start.
  const text = answerText(parseQueueConfig(QUEUE, 'bench'));
  const key = answerKey(text);
  const { segment, offset, length, sum } = body;
  yield {
    type: 'engine.started',
    stream: 'engine',
    body: { version: '0', node: NODE, seed: 1, number: 65_536 },
  };
  yield { type: 'policy.answered', stream: 'policy', body: { key, answer: text } };
  const entries = [{ name: UNSPECIFIED, weight: 1 }];
  const poolText = answerText(parsePoolConfig({ name: UNSPECIFIED, entries }, 'bench'));
  const pool = answerKey(poolText);
  yield { type: 'policy.answered', stream: 'policy', body: { key: pool, answer: poolText } };
  for (let queue = 0; queue < QUEUES; queue += 1) {
    yield {
      type: 'queue.opened',
      stream: `domain-${queue}.example`,
      body: { pool, answer: key },
    };
  }
  for (let number = 0; number < MESSAGES; number += 1) {
    const domain = `domain-${number % QUEUES}.example`;
    yield {
      type: 'message.accepted',
      stream: formatMessageId(at, NODE, 65_536 + number),
      body: {
        queue: domain,
        from: `bounce-${number}@sender.example`,
        to: [`recipient-${number}@${domain}`],
        body: [segment, offset, length, sum],
        service: 'esmtp',
        peer: '127.0.0.1',
        helo: 'bench',
        due: at + 3_600_000 + (number % 3_600) * 1000,
      },
    };
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly readyMs: number;
}

function start(dir: string, policy: string): Promise<Started> {
  const startedAt = performance.now();
  const args = ['dist/waybilld.js', '--policy', policy, '--data', dir];
  // A group of its own, so that a kill reaches manager and worker at once, as power would.
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (text: Buffer) => {
      if (!text.includes('ready')) return;
      resolve({ child, readyMs: Math.round(performance.now() - startedAt) });
    });
    child.on('exit', (code) => reject(new Error(`the daemon ended with ${code}`)));
  });
}

const readRss = (pid: number, field: string): number => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
};

const dir = mkdtempSync(join(tmpdir(), 'waybill-backlog-'));
try {
  const policy = join(dir, 'policy.ts');
  writeFileSync(policy, POLICY);
  console.log(`${MESSAGES} messages in ${QUEUES} queues, ${TAIL} records after the snapshot`);
  await writeBacklog(dir);
  for (const round of ['after a kill', 'after a kill again']) {
    const { child, readyMs } = await start(dir, policy);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const run = JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')) as {
      readonly workers: readonly { readonly pid: number }[];
    };
    const pid = run.workers[0]?.pid ?? 0;
    const manager = child.pid as number;
    console.log(
      `${round}: takes mail and has all scheduled after ${readyMs} ms,` +
        ` RSS ${readRss(pid, 'VmRSS')} MB, peak ${readRss(pid, 'VmHWM')} MB,` +
        ` manager ${readRss(manager, 'VmRSS')} MB`,
    );
    child.removeAllListeners('exit');
    process.kill(-manager, 'SIGKILL');
    await new Promise((resolve) => child.on('close', resolve));
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
