/**
 * How much mail the SMTP intake takes, and at what cost: the listener with a memory host and
 * memory bodies in this process, driven by smtp-source beside it.
 * Usage: node --import tsx bench/intake.ts [messages] [bytes] [sessions] [--new-connections]
 *        [--stranger]. It does not measure the log, the disk or delivery.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseListenerConfig, parseListenerDomain } from '../src/domain/options-listener.ts';
import type { IntakeHost, Submission } from '../src/intake/host.ts';
import { startSmtpListener } from '../src/intake/smtp.ts';
import { createClock } from '../src/ports/node/clock.ts';
import type { Bodies } from '../src/ports/ports.ts';

const numbers = process.argv
  .slice(2)
  .filter((word) => /^\d+$/.test(word))
  .map(Number);
const [messages = 5000, bodyBytes = 10_240, sessions = 50] = numbers;
const isReconnecting = process.argv.includes('--new-connections');
const isStranger = process.argv.includes('--stranger');

/** Takes everything and keeps nothing; answers in the next turn of the event loop. */
class Sink implements IntakeHost {
  taken = 0;
  private next = 0;

  admit(): undefined {
    return undefined;
  }

  allocateIds(count: number): string[] {
    return Array.from({ length: count }, () => (this.next++).toString(16).padStart(32, '0'));
  }

  submit(submission: Submission, answered: () => void): void {
    this.taken += submission.messages.length;
    setImmediate(answered);
  }

  findDomain(domain: string) {
    return parseListenerDomain({ relay_to: true }, domain);
  }
}

const bodies: Bodies = {
  write(_header, chunks, answered) {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    answered({ segment: 0, offset: 0, length, sum: 0 });
  },
  read() {},
  refer() {},
};

const raw = { listen: '127.0.0.1:0', ...(isStranger ? { relay_hosts: [] } : {}) };
const sink = new Sink();
const config = parseListenerConfig(raw, 'bench');
const listener = await startSmtpListener(config, sink, bodies, createClock(), () => {});

/** One run; the CPU is that of this process alone. */
async function run(count: number): Promise<void> {
  const reuse = isReconnecting ? [] : ['-d'];
  const cpuFrom = process.cpuUsage();
  const from = performance.now();
  const load = ['-s', `${sessions}`, '-l', `${bodyBytes}`, '-m', `${count}`, ...reuse];
  const place = `127.0.0.1:${listener.port}`;
  const mail = ['-f', 'sender@a.test', '-t', 'recipient@b.test'];
  const source = spawn('smtp-source', [...load, ...mail, place], { stdio: 'inherit' });
  const [code] = (await once(source, 'exit')) as [number];
  const spanMs = performance.now() - from;
  const { user, system } = process.cpuUsage(cpuFrom);
  const cpuMs = (user + system) / 1000 / count;
  const perSecond = Math.round((count / spanMs) * 1000);
  const kind = isReconnecting ? 'one message a connection' : 'connections reused';
  console.log(
    `${count} x ${bodyBytes} B, ${sessions} sessions, ${kind}${isStranger ? ', strangers' : ''}:`,
    `${perSecond} msgs/s, ${cpuMs.toFixed(3)} ms CPU/msg, exit ${code}, taken ${sink.taken}`,
  );
}

await run(Math.min(messages, 1000));
for (let round = 0; round < 3; round += 1) await run(messages);
await listener.stop(1000);
