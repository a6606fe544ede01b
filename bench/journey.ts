/**
 * How long `waybill journey` takes on a log of ten million events, by each kind of key: with files
 * that the system has forgotten (cold) or holds (warm), as a process of its own (built), and by a
 * daemon's thread of journeys; size and cost of the index.
 *   node --max-semi-space-size=64 --import tsx bench/journey.ts [events] [dir [ask]]
 * With `dir` the log is made there if it is not there yet, and stays; with `ask` its index too.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatMessageId } from '../src/domain/message-id.ts';
import { createMark, MarkRaiser } from '../src/events/log-mark.ts';
import { flatten } from '../src/events/log-messages.ts';
import type { AsTold, Matches } from '../src/forensics/journey/answering.ts';
import { answerJourney, tellAnswer } from '../src/forensics/journey/answering.ts';
import type { JourneyQuestion } from '../src/forensics/journey/finding.ts';
import { JOURNEY_FOLDER, openReading } from '../src/forensics/reading.ts';
import { OpenJourneys } from '../src/manager/open-journeys.ts';
import type { RecordDraft } from '../src/ports/ports.ts';
import { AT, draft, NODE, openStore } from './common-log.ts';
import { describeMachine } from './machine.ts';

const ROOT = join(import.meta.dirname, '..');
const TURN_MESSAGES = 1_000;
const TURN_MS = 200;
const TENANTS = 50;
/** One message of so many is deferred and stays queued, all of them of one tenant. */
const STUCK_EVERY = 1_000;
/** One message of so many is of a tenant that has few. */
const RARE_EVERY = 100_000;
const DOMAINS = 500;
const RECORDS_PER_MESSAGE = 3;
const RETRY_MS = 1_200_000;

const atOf = (number: number): number => AT + Math.floor(number / TURN_MESSAGES) * TURN_MS;
const domainOf = (number: number): string => `host-${number % DOMAINS}.example`;
const isStuck = (number: number): boolean => number % STUCK_EVERY === 3;

/** Every second message is of one large tenant. */
function tenantOf(number: number): string {
  if (isStuck(number)) return 'stuck';
  if (number % RARE_EVERY === 1) return 'rare';
  return number % 2 === 0 ? 'large' : `tenant${number % TENANTS}`;
}

const addressOf = (number: number): string => `user${number}@${domainOf(number)}`;
const queueIdOf = (number: number): string => `4F${number.toString(36).toUpperCase()}Z9`;
const fieldOf = (number: number): string => `<${number}.5eed@sender.example>`;
const idOf = (number: number): string => formatMessageId(atOf(number), NODE, number);

/** The three events of the common message, as the engine writes them. */
function eventsOf(number: number, origin: number): RecordDraft[] {
  const domain = domainOf(number);
  const to = [addressOf(number)];
  const queue = `${tenantOf(number)}@${domain}`;
  const way = {
    attempt: 1,
    source: 'ip-1',
    site: `mx.${domain}`,
    peer: `mx.${domain} 192.0.2.25:25`,
  };
  const session = '5eed0000-7761-4962-a969-6c6c00000000';
  const accepted = {
    queue,
    from: 'bounces@sender.example',
    to,
    body: [number >> 8, number * 12_288, 12_288, 305_419_896],
    service: 'esmtp_listener',
    peer: '192.0.2.7:40000',
    helo: 'client.example',
    session,
    headers: { 'Message-ID': fieldOf(number) },
  };
  const text = `Ok: queued as ${queueIdOf(number)}`;
  const reply = { code: 250, enhanced: '2.0.0', text, tls: 'TLSv1.3', took: 50 };
  const facts = { origin, queue, pool: 'pool0', session, local: '192.0.2.1:50000' };
  const attempt = { to, index: [0], ...way, ...facts };
  const later = { code: 451, enhanced: '4.7.1', text: 'later', took: 50, attempts: 1 };
  const due = atOf(number) + RETRY_MS;
  const outcome = isStuck(number)
    ? draft(idOf(number), 'message.deferred', 3, { ...attempt, ...later, due })
    : draft(idOf(number), 'message.delivered', 2, { ...attempt, ...reply });
  return [
    draft(idOf(number), 'message.accepted', 3, accepted),
    draft(idOf(number), 'message.offered', 1, { ...way, link: number }),
    outcome,
  ];
}

function writeLog(dir: string, messages: number): void {
  const store = openStore(dir);
  let position = 1;
  for (let turn = 1, number = 0; number < messages; turn++) {
    const drafts: RecordDraft[] = [];
    const first = position;
    for (let one = 0; one < TURN_MESSAGES && number < messages; one++, number++) {
      drafts.push(...eventsOf(number, position));
      position += RECORDS_PER_MESSAGE;
    }
    const at = atOf(number - 1);
    store.append({ kind: 'append', turn, at, position: first, cells: flatten(drafts) });
    store.writer.tidy();
  }
  store.close();
}

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

const rounded = ({ wallMs, cpuMs }: Cost): string =>
  `${wallMs.toFixed(1)} ms (CPU ${cpuMs.toFixed(1)} ms)`;

function measure<T>(task: () => T): Cost & { readonly value: T } {
  const began = performance.now();
  const cpu = process.cpuUsage();
  const value = task();
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs: performance.now() - began, cpuMs: (user + system) / 1_000, value };
}

const filesIn = (folder: string): string[] => readdirSync(folder).map((name) => join(folder, name));

const bytesIn = (folder: string): number =>
  filesIn(folder).reduce((sum, path) => sum + statSync(path).size, 0);

/** Has the system forget what it holds of the files. */
function forget(dir: string): void {
  for (const folder of ['log', JOURNEY_FOLDER]) {
    for (const path of filesIn(join(dir, folder))) {
      execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
    }
  }
}

/** Tenants of every size, in a window, from a time on, and over all of the log. */
function tenantQuestions(
  number: number,
  messages: number,
): Readonly<Record<string, JourneyQuestion>> {
  const from = atOf(number);
  const window = { from, upto: from + 60_000 };
  return {
    'tenant and time': { tenant: tenantOf(7), ...window },
    'large tenant and time': { tenant: 'large', ...window },
    'large tenant, from a time on': { tenant: 'large', from },
    'large tenant, up to a time': { tenant: 'large', upto: from },
    'large tenant': { tenant: 'large' },
    'stuck tenant, up to a time': { tenant: 'stuck', upto: from },
    'rare tenant': { tenant: 'rare' },
    'rare tenant and time': { tenant: 'rare', ...window },
    'no such tenant': { tenant: 'nobody' },
    'before the log': { tenant: 'large', upto: atOf(0) - 1 },
    'after the log': { tenant: 'large', from: atOf(messages) + 1 },
    'recipient and tenant': { key: addressOf(number + 5), tenant: 'nobody' },
  };
}

function questionsOf(messages: number): Readonly<Record<string, JourneyQuestion>> {
  const number = Math.floor(messages * 0.37);
  return {
    id: { key: idOf(number) },
    'Message-ID': { key: fieldOf(number + 1) },
    recipient: { key: addressOf(number + 2) },
    'recipient and time': { key: addressOf(number + 3), from: atOf(number) - 60_000 },
    'queue id': { key: queueIdOf(number + 4) },
    ...tenantQuestions(number, messages),
    nothing: { key: 'nobody@nowhere.example' },
  };
}

function sayMatches({ matches, rest }: AsTold<Matches>): string {
  const more = rest === undefined ? '' : `, ${rest.sure} ${rest.count} more`;
  return `${matches.length} messages${more}`;
}

function ask(dir: string, question: JourneyQuestion): Cost & { readonly answer: string } {
  const { value, ...cost } = measure(() => {
    const reading = openReading(dir);
    try {
      return tellAnswer(answerJourney(reading.look, question));
    } finally {
      reading.close();
    }
  });
  return { ...cost, answer: value.kind === 'matches' ? sayMatches(value) : value.kind };
}

function makeIndex(dir: string, events: number): void {
  const folder = join(dir, JOURNEY_FOLDER);
  rmSync(folder, { recursive: true, force: true });
  const build = measure(() => openReading(dir).close());
  const bytes = bytesIn(folder);
  const perEvent = (build.cpuMs * 1_000) / events;
  console.log(`index made: ${rounded(build)}, ${(events / build.wallMs) | 0}k events/s of wall`);
  console.log(
    `  ${perEvent.toFixed(2)} µs of CPU an event, ` +
      `${(perEvent * RECORDS_PER_MESSAGE).toFixed(1)} µs a message`,
  );
  console.log(
    `  ${(bytes / 1e6).toFixed(1)} MB in ${readdirSync(folder).length - 1} files, ` +
      `${((bytes / events) * 1).toFixed(1)} MB a million events; ` +
      `the log has ${(bytesIn(join(dir, 'log')) / 1e6).toFixed(0)} MB`,
  );
}

/** The command itself, built: a process that begins with nothing, and ends. */
function runCommand(dir: string, { key, tenant, from, upto, before }: JourneyQuestion): number {
  const time = (name: string, at: number | undefined): string[] =>
    at === undefined ? [] : [name, new Date(at).toISOString()];
  const words = [
    ...(key === undefined ? [] : [key]),
    ...(tenant === undefined ? [] : ['--tenant', tenant]),
    ...time('--from', from),
    ...time('--to', upto),
    ...(before === undefined ? [] : ['--before', String(before)]),
  ];
  const command = [join(ROOT, 'dist/waybill.js'), 'journey', '--json', '--data', dir, ...words];
  const { wallMs, value } = measure(() =>
    spawnSync(process.execPath, command, { encoding: 'utf8', maxBuffer: 1 << 26 }),
  );
  if (value.status !== 0 && value.status !== 1) throw new Error(value.stderr);
  return wallMs;
}

/** The daemon's own thread, as it is asked for an endpoint. */
async function askLive(journeys: OpenJourneys, question: JourneyQuestion): Promise<number> {
  const began = performance.now();
  const answer = await journeys.ask(question);
  if (typeof answer === 'string') throw new Error(answer);
  return performance.now() - began;
}

function openLive(dir: string, events: number): OpenJourneys {
  const mark = createMark();
  new MarkRaiser(mark).raise(events);
  return new OpenJourneys({ dir, mark, logger: { warn: console.warn, error: console.error } });
}

async function report(dir: string, events: number): Promise<readonly object[]> {
  const rows: object[] = [];
  const journeys = openLive(dir, events);
  for (const [name, question] of Object.entries(questionsOf(events / RECORDS_PER_MESSAGE))) {
    forget(dir);
    const cold = ask(dir, question);
    const warm = ask(dir, question);
    forget(dir);
    const processMs = runCommand(dir, question);
    forget(dir);
    const liveMs = await askLive(journeys, question);
    console.log(
      `${name}: cold ${rounded(cold)}, warm ${rounded(warm)}, ` +
        `process ${processMs.toFixed(0)} ms, live ${liveMs.toFixed(0)} ms: ${cold.answer}`,
    );
    const times = [cold.wallMs, cold.cpuMs, warm.wallMs, warm.cpuMs, processMs, liveMs];
    const [coldMs, coldCpuMs, warmMs, warmCpuMs, ...others] = times.map((ms) => Math.round(ms));
    const [commandMs, threadMs] = others;
    rows.push({ name, coldMs, coldCpuMs, warmMs, warmCpuMs, commandMs, threadMs });
  }
  await journeys.stop(1_000);
  return rows;
}

const events = Number(process.argv[2] ?? 10_000_000);
const given = process.argv[3];
const dir = given ?? mkdtempSync(join(tmpdir(), 'waybill-bench-'));
try {
  const messages = Math.ceil(events / RECORDS_PER_MESSAGE);
  if (!existsSync(join(dir, 'log'))) {
    const cost = measure(() => writeLog(dir, messages));
    console.log(`log written: ${rounded(cost)}`);
  }
  const written = messages * RECORDS_PER_MESSAGE;
  if (process.argv[4] !== 'ask') makeIndex(dir, written);
  const load = Number((loadavg()[0] ?? 0).toFixed(2));
  const rows = await report(dir, written);
  const line = {
    at: new Date().toISOString(),
    ...describeMachine(ROOT),
    load,
    events: written,
    journey: rows,
  };
  appendFileSync(join(ROOT, 'bench/history.jsonl'), `${JSON.stringify(line)}\n`);
} finally {
  if (given === undefined) rmSync(dir, { recursive: true, force: true });
}
