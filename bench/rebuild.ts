/**
 * How many records of the log a second are folded on the way to an instant of the past, without a
 * snapshot to begin with, by the CPU it takes, so that neighbours do not count; and how long it
 * takes to find the instant. The log is made first.
 *
 *   node --import tsx bench/rebuild.ts [messages]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogPast } from '../src/events/log-past.ts';
import { Rebuild } from '../src/forensics/rebuild.ts';
import { AT, writeLog } from './common-log.ts';

const messages = Number(process.argv[2] ?? 200_000);
const dir = mkdtempSync(join(tmpdir(), 'waybill-rebuild-'));
try {
  writeLog(dir, messages);
  const log = new LogPast(dir);
  const looked = performance.now();
  const half = log.positionAt(AT + Math.round(messages / 128));
  const begun = performance.now();
  const cpu = process.cpuUsage();
  const { folded } = new Rebuild(log, half).foldTo(half);
  const tookMs = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  const rate = Math.round((1e6 * folded) / (user + system));
  const foundMs = (begun - looked).toFixed(1);
  console.log(
    `${folded} records in ${Math.round(tookMs)} ms, ${rate} a CPU second; found in ${foundMs} ms`,
  );
} finally {
  rmSync(dir, { recursive: true, force: true });
}
