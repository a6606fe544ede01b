/**
 * The question: how many records a second do local log files take, from prepared records to lines
 * that are compressed and flushed? Batches as a busy logger has them; prints the median of rounds
 * and what a flush of the disk costs beside it. Does not measure how records are made.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseLocalLogs } from '../src/domain/options-local-logs.ts';
import { createTimers } from '../src/ports/node/timers.ts';
import type { OutgoingRecord } from '../src/ports/sink.ts';
import { openFilesSink } from '../src/projections/log-files/files-sink.ts';
import type { LogRecord } from '../src/projections/log-record/record.ts';
import { measureFlushUs, medianOf } from './machine.ts';

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '200000' },
    batch: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
  },
});
const RECORDS = Number(values.records);
const BATCH = Number(values.batch);

/** About 800 octets of JSON, as a delivery has. */
const makeRecord = (position: number): OutgoingRecord => {
  const eventId = `${position}-${(position * 2_654_435_761).toString(16).padStart(16, '0')}`;
  const record = {
    type: 'Delivery',
    id: (position * 7_919).toString(16).padStart(32, '0'),
    event_id: eventId,
    sender: `bounce+${position}@sender.example`,
    recipient: `user${(position * 31) % 100_003}@receiver${position % 500}.example`,
    queue: `receiver${position % 500}.example`,
    site: `ip-${position % 40}->mx.receiver${position % 500}.example@smtp_client`,
    size: 10_240 + (position % 977),
    response: {
      code: 250,
      enhanced_code: { class: 2, subject: 0, detail: 0 },
      content: `OK queued as ${(position * 104_729).toString(36)}`,
      command: '.\r\n',
    },
    peer_address: { name: `mx.receiver${position % 500}.example`, addr: '192.0.2.25:25' },
    timestamp: 1_700_000_000 + position,
    event_time: new Date(1_700_000_000_000 + position * 17).toISOString(),
    egress_pool: 'main',
    egress_source: `ip-${position % 40}`,
    meta: { tenant: `tenant-${position % 50}` },
    headers: { Subject: `Offer ${position % 1_000} of the week` },
  } as unknown as LogRecord;
  return { eventId, position, record, text: JSON.stringify(record), isReplay: false };
};

const measure = async (records: readonly OutgoingRecord[]): Promise<number> => {
  const dir = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
  const { sink: files } = parseLocalLogs({ log_dir: dir }, 'bench');
  if (files.kind !== 'files') throw new Error('a logger writes files');
  const sink = await openFilesSink({ config: files.config, timers: createTimers() });
  const { signal } = new AbortController();
  const began = performance.now();
  for (let at = 0; at < records.length; at += BATCH) {
    const answer = await sink.send(records.slice(at, at + BATCH), signal);
    if (answer.kind !== 'settled') throw new Error(answer.reason);
  }
  await sink.close();
  const perSecond = (records.length / (performance.now() - began)) * 1_000;
  rmSync(dir, { recursive: true });
  return perSecond;
};

const records = Array.from({ length: RECORDS }, (_, at) => makeRecord(at + 1));
const rates: number[] = [];
for (let round = 0; round < Number(values.rounds); round += 1) rates.push(await measure(records));
console.log(
  `log files: ${Math.round(medianOf(rates))} records/s (${Math.round(Math.min(...rates))}-` +
    `${Math.round(Math.max(...rates))}) in batches of ${BATCH}, ` +
    `${Math.round((records[0]?.text.length ?? 0) / 10) * 10} octets each; ` +
    `a 4 KB flush takes ${Math.round(measureFlushUs(tmpdir()))} us here`,
);
