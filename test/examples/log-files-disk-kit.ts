/**
 * Writes batches of records to local log files and says which were settled; as a program of its own
 * it can be given a disk that is too small. Deliberately unknown here: what should be in the files.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { HookConfig } from '../../src/domain/options-hook.ts';
import type { LocalLogsConfig } from '../../src/domain/options-local-logs.ts';
import { parseLocalLogs } from '../../src/domain/options-local-logs.ts';
import { openFilesSink } from '../../src/projections/log-files/files-sink.ts';
import type { Decompress } from '../../src/projections/log-files/zstd.ts';
import { listSegments, outgoing, StillTimers } from './log-files-kit.ts';

const BATCHES = 20;

/** The settings of a logger. */
export function filesOf({ sink }: HookConfig): LocalLogsConfig {
  if (sink.kind === 'files') return sink.config;
  throw new Error('this is no logger');
}

/** Positions of the records in all segments below a directory, in order of the files' names. */
export function idsOfSegments(dir: string, makeDecompress: () => Decompress): number[] {
  const ids = listSegments(dir).flatMap(({ path }) => {
    const decompress = makeDecompress();
    const chunks = [...decompress.push(readFileSync(path)), ...decompress.end()];
    const lines = Buffer.concat(chunks).toString().split('\n').filter(Boolean);
    return lines.map((line) => (JSON.parse(line) as { event_id: string }).event_id);
  });
  return ids.map((id) => Number.parseInt(id, 10));
}

/** Text that does not compress, always the same. */
const noiseOf = (seed: number): string =>
  Array.from({ length: 100 }, (_, at) =>
    createHash('sha256').update(`${seed}-${at}`).digest('base64'),
  ).join('');

async function writeAll(dir: string): Promise<void> {
  const config = filesOf(parseLocalLogs({ log_dir: dir }, ''));
  const sink = await openFilesSink({ config, timers: new StillTimers() });
  const settled: number[] = [];
  for (let position = 1; position <= BATCHES; position += 1) {
    const text = JSON.stringify({ event_id: `${position}-x`, noise: noiseOf(position) });
    const answer = await sink.send(
      [outgoing(position, 'Delivery', text)],
      new AbortController().signal,
    );
    if (answer.kind === 'settled') settled.push(position);
  }
  await sink.close();
  process.stdout.write(JSON.stringify(settled));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeAll(process.argv[2] ?? '');
