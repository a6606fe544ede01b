/**
 * Journeys as an operator asks for them: of a running daemon over HTTP and on its directory, of
 * what is left after a kill, of a directory at rest, and of a segment copied out of it. All of them
 * tell the same. Deliberately unknown here: the index, but that it is files that may be harmed.
 */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { createTransport } from 'nodemailer';
import type { AsTold } from '../../src/forensics/journey/answering.ts';
import type { Journey, Step } from '../../src/forensics/journey/steps.ts';
import { waybill } from '../examples/cli-run.ts';
import { Daemon } from './daemon.ts';
import { makeScratch, until } from './scratch.ts';
import { Target } from './target.ts';

const MESSAGES = 12;
/** Deferred at first, and for ever. */
const ONCE = 2;
const ALWAYS = 3;

const policyText = (port: number): string => `
import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0', relay_hosts: ['127.0.0.1'] });
    setup.httpListener({ listen: '127.0.0.1:0' });
  },
  smtp_server_message_received(message) {
    message.set_meta('tenant', 'acme');
  },
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${port}'] } },
    retry_interval: '2s',
    max_retry_interval: '2s',
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

type Told = AsTold<Journey>;

interface Answer {
  readonly kind: string;
  readonly journey: Told;
  readonly matches: readonly { readonly id: string; readonly by: readonly string[] }[];
  readonly why?: { readonly reasons: readonly { readonly name: string }[] };
}

const idOf = (number: number): string => `<n${number}.${'x'.repeat(20)}@probe.example>`;

async function submit(port: number, number: number): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
  await transport.sendMail({
    from: `s.${number}@probe.example`,
    to: `A.${number}@d.example`,
    messageId: idOf(number),
    subject: 'probe',
    text: 'hello',
  });
  transport.close();
}

type ToldStep = AsTold<Step>;

const stepsIn = <K extends Step['kind']>(journey: Told, kind: K) =>
  journey.steps.filter((step): step is Extract<ToldStep, { kind: K }> => step.kind === kind);

const fatesOf = (journey: Told): string[] =>
  stepsIn(journey, 'attempt').flatMap(({ results }) => results.map(({ fate }) => fate));

async function ask(...words: string[]): Promise<Answer> {
  const { code, out, err } = await waybill('journey', '--json', ...words);
  assert.ok(code === 0 || code === 1, err);
  return JSON.parse(out) as Answer;
}

/** What a journey says of the past: the end of the log it was read from is another each time. */
const past = ({ events, steps }: Told) => ({
  events,
  steps: steps.filter(({ kind }) => kind !== 'wait'),
});

function judgeDelivered({ kind, journey }: Answer): void {
  assert.equal(kind, 'journey');
  assert.equal(journey.standing.state, 'ended');
  assert.deepEqual(fatesOf(journey), ['delivered']);
  const [reception] = stepsIn(journey, 'reception');
  assert.equal(reception?.message_id, idOf(1));
  assert.equal(reception?.policy?.version, 1);
  assert.match(reception?.policy?.file ?? '', /policy\.ts$/);
  assert.match(reception?.queue ?? '', /^acme@d\.example$/);
  const [attempt] = stepsIn(journey, 'attempt');
  assert.match(attempt?.peer ?? '', /127\.0\.0\.1:\d+$/);
  assert.match(attempt?.results[0]?.text ?? '', /queued as Q1ABC/);
  const told = new Set(stepsIn(journey, 'decision').map(({ type }) => type));
  for (const type of ['queue.opened', 'path.configured', 'source.opened']) {
    assert.ok(told.has(type), `${type} is not told`);
  }
}

/** One daemon on one directory, and what a message was told as while it ran. */
class Run {
  readonly #scratch = makeScratch('journey');
  readonly path = this.#scratch.path;
  readonly data = join(this.path, 'data');
  readonly target = new Target(
    (number, tries) => (number === ALWAYS || (number === ONCE && tries === 1) ? 'defer' : 'take'),
    (number) => `Ok: queued as Q${number}ABC`,
  );
  daemon!: Daemon;
  endpoint = '';
  live!: Answer;

  constructor(context: TestContext) {
    context.after(async () => {
      await this.daemon.kill();
      await this.target.close();
      this.#scratch.remove();
    });
  }

  async start(): Promise<number> {
    this.daemon = new Daemon(join(this.path, 'policy.ts'), this.data);
    return await this.daemon.demandPort();
  }

  /** Sends everything and asks for the first message. */
  async begin(): Promise<void> {
    writeFileSync(join(this.path, 'policy.ts'), policyText(await this.target.open()));
    const port = await this.start();
    for (let number = 1; number <= MESSAGES; number += 1) await submit(port, number);
    const isSent = await until(() => this.target.copies.length >= MESSAGES - 1, 60_000);
    assert.ok(isSent, this.daemon.tail);
    const run = JSON.parse(readFileSync(join(this.data, 'run.json'), 'utf8')) as {
      readonly httpListeners: readonly string[];
    };
    this.endpoint = `http://${run.httpListeners[0]}`;
    this.live = await ask('a.1@d.example', '--endpoint', this.endpoint);
  }
}

async function judgeKeys({ live, data, endpoint }: Run): Promise<void> {
  judgeDelivered(live);
  const ways = [live.journey.id, idOf(1), idOf(1).slice(1, -1), 'Q1ABC', 'a.1@D.example'];
  for (const key of ways) {
    assert.equal((await ask(key, '--data', data)).journey.id, live.journey.id, key);
  }
  const byQueueId = await ask('Q1ABC', '--endpoint', endpoint);
  assert.equal(byQueueId.journey.id, live.journey.id);
  const all = await ask('--tenant', 'acme', '--endpoint', endpoint, '--from', '1h');
  assert.equal(all.kind, 'matches');
  assert.equal(all.matches.length, MESSAGES);
  const none = await ask('--tenant', 'acme', '--data', data, '--to', '1h');
  assert.equal(none.kind, 'nothing');
}

async function judgeWaits({ data, endpoint }: Run): Promise<void> {
  const once = await ask(idOf(ONCE), '--endpoint', endpoint);
  assert.deepEqual(fatesOf(once.journey), ['deferred', 'delivered']);
  const causes = stepsIn(once.journey, 'wait').flatMap((wait) => wait.causes);
  assert.ok(causes.some(({ name }) => name === 'retry'));
  for (const way of [
    ['--endpoint', endpoint],
    ['--data', data],
  ]) {
    const always = await ask(idOf(ALWAYS), ...way);
    assert.notEqual(always.journey.standing.state, 'ended');
    assert.ok(always.why !== undefined, 'nobody said what holds it');
  }
  const text = await waybill('journey', idOf(ALWAYS), '--data', data);
  assert.match(text.out, /the retry schedule: the next attempt is due then/);
  assert.match(text.out, /451 4\.3\.0 later/);
}

async function judgeRefusals({ data, endpoint }: Run): Promise<void> {
  const bare = await fetch(`${endpoint}/api/admin/journey/v1`);
  assert.equal(bare.status, 400);
  assert.match(((await bare.json()) as { error: string }).error, /give key= or tenant=/);
  const usage = await waybill('journey', '--data', data);
  assert.equal(usage.code, 64);
  const nobody = await waybill('journey', 'x', '--data', join(data, 'nowhere'));
  assert.equal(nobody.code, 69);
  const unknown = await waybill('journey', 'nobody@nowhere.example', '--data', data);
  assert.equal(unknown.code, 1);
  assert.match(unknown.out, /the log has no message for nobody@nowhere\.example/);
}

async function judgeDown({ data, target }: Run): Promise<void> {
  const before = target.tries.get(ALWAYS) ?? 0;
  assert.ok(await until(() => (target.tries.get(ALWAYS) ?? 0) > before + 1, 60_000));
  const { journey } = await ask(idOf(ALWAYS), '--data', data);
  const causes = stepsIn(journey, 'wait').flatMap((wait) => wait.causes);
  const names = causes.map(({ name }) => name);
  assert.ok(names.includes('stopped'), names.join());
}

async function judgeHarm({ data }: Run): Promise<void> {
  judgeDelivered(await ask('Q1ABC', '--data', data));
  const folder = join(data, 'journey');
  for (const name of readdirSync(folder)) {
    if (name.endsWith('.run')) truncateSync(join(folder, name), 5_000);
  }
  judgeDelivered(await ask('Q1ABC', '--data', data));
  rmSync(folder, { recursive: true });
  judgeDelivered(await ask('Q1ABC', '--data', data));
}

async function judgeCopies({ data, path, live }: Run): Promise<void> {
  const logDir = join(data, 'log');
  const [segment = ''] = readdirSync(logDir).filter((name) => name.endsWith('.db'));
  const copies = join(path, 'copies');
  mkdirSync(copies);
  copyFileSync(join(logDir, segment), join(copies, 'incident.db'));
  const copied = await ask('Q1ABC', '--data', join(copies, 'incident.db'));
  assert.deepEqual(past(copied.journey), past(live.journey));
  copyFileSync(join(logDir, segment), join(copies, segment));
  const folder = await ask(idOf(1), '--data', copies);
  assert.deepEqual(past(folder.journey), past(live.journey));
}

test('a message is told of live, after a kill, at rest and from a copied segment', async (t) => {
  const run = new Run(t);
  await run.begin();
  await t.test('every kind of key finds it, live and on the directory', () => judgeKeys(run));
  await t.test('a wait has its cause, and what lives says what holds it', () => judgeWaits(run));
  await t.test('refusals are sentences', () => judgeRefusals(run));
  await run.daemon.kill();
  await t.test('after a kill the directory tells the same', async () => {
    const killed = await ask('Q1ABC', '--data', run.data);
    assert.deepEqual(past(killed.journey), past(run.live.journey));
  });
  // Longer than the schedule has it wait.
  await until(() => false, 2_500);
  await run.start();
  await t.test('that it was down is a cause', () => judgeDown(run));
  await run.daemon.stop();
  await t.test('at rest, with an index that is gone or harmed', () => judgeHarm(run));
  await t.test('a copied segment, under another name, is enough', () => judgeCopies(run));
});
