/**
 * Sources on real addresses that come and go while mail flows: the daemon, loopback aliases, a
 * target that notes from where each copy came. The same story is told with the sources in the
 * policy's code and in TOML and JSON files. Deliberately unknown here: anything inside the daemon.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { Aliases, whyNoAlias } from './alias.ts';
import { Daemon } from './daemon.ts';
import { makeProbe } from './probe-mail.ts';
import { makeScratch, pause, until } from './scratch.ts';
import { sendAll } from './sender.ts';
import type { Form } from './source-forms.ts';
import { policyIn, sourcesIn } from './source-forms.ts';
import type { Copy } from './target.ts';
import { Target } from './target.ts';

/** Domain d0 has the pool of two, d1 one of a source alone, d2 one with a threshold. */
const SHAPE = { domains: 3, bodyBytes: 400, pairEvery: 0 };
const PAIR = 0;
const ALONE = 1;
const BLINKING = 2;
/** Between the end of a suspension and the copy: commits, a dial, a machine that is busy. */
const LATE_MS = 2_500;
const SOON_MS = 40_000;

/** One event of the log. */
interface Told {
  readonly at: number;
  readonly stream: string;
  readonly type: string;
  readonly body: Record<string, unknown>;
}

/** The events of these types, in order, read beside the running daemon. */
function readLog(data: string, types: readonly string[]): Told[] {
  const folder = join(data, 'log');
  const files = readdirSync(folder).filter((name) => name.endsWith('.db'));
  const marks = types.map(() => '?').join(', ');
  return files.sort().flatMap((name) => {
    const db = new Database(join(folder, name), { readonly: true });
    try {
      const query = `select at, stream, type, body from event where type in (${marks})`;
      const rows = db.prepare(`${query} order by position`).all(...types) as (Omit<Told, 'body'> & {
        body: string;
      })[];
      return rows.map((row) => ({ ...row, body: JSON.parse(row.body) as Told['body'] }));
    } finally {
      db.close();
    }
  });
}

/** A metric on the page; undefined where it is not. */
function valueIn(page: string, name: string): number | undefined {
  const line = page.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

/** Addresses, daemon and target of one form. */
class Scene {
  readonly aliases = new Aliases();
  readonly target = new Target();
  readonly data: string;
  readonly #folder: string;
  readonly #form: Form;
  #daemon: Daemon | undefined;
  #sent = 0;

  constructor(form: Form, folder: string) {
    this.#form = form;
    this.#folder = join(folder, 'etc');
    this.data = join(folder, 'data');
  }

  address(number: number): string {
    return this.aliases.address(number);
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error('the daemon was not started');
    return this.#daemon;
  }

  async start(): Promise<void> {
    for (const number of [1, 2, 3]) this.aliases.add(this.address(number));
    const port = await this.target.open();
    mkdirSync(this.#folder, { recursive: true });
    const files = sourcesIn(this.#form, (number) => this.address(number));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.#folder, name), text);
    const policy = join(this.#folder, 'policy.ts');
    writeFileSync(policy, policyIn(this.#form, port));
    await this.restart(policy);
  }

  async restart(policy = join(this.#folder, 'policy.ts')): Promise<void> {
    this.#daemon = new Daemon(policy, this.data, { shape: 'single' });
    await this.#daemon.demandPort();
  }

  /** Sends `count` messages to a domain; all must be taken. Answers their numbers. */
  async send(domain: number, count: number): Promise<number[]> {
    const numbers = Array.from({ length: count }, () => {
      this.#sent += 1;
      return this.#sent * SHAPE.domains + domain;
    });
    let taken = 0;
    await sendAll(
      numbers.map((number) => makeProbe(number, SHAPE)),
      {
        lines: 1,
        port: () => this.daemon.port(),
        answered: ({ kind }) => {
          taken += Number(kind === 'taken');
        },
      },
    );
    assert.equal(taken, count, this.daemon.tail);
    return numbers;
  }

  copiesOf(numbers: readonly number[]): Copy[] {
    return this.target.copies.filter(({ number }) => numbers.includes(number));
  }

  /** Waits until each of these has arrived once. */
  async arrival(numbers: readonly number[]): Promise<Copy[]> {
    const isThere = (): boolean => this.copiesOf(numbers).length >= numbers.length;
    assert.ok(await until(isThere, SOON_MS), `${numbers.join()} did not arrive`);
    return this.copiesOf(numbers);
  }

  async #http(path: string, init?: RequestInit): Promise<string> {
    const text = readFileSync(join(this.data, 'run.json'), 'utf8');
    const { httpListeners } = JSON.parse(text) as { httpListeners: string[] };
    return await (await fetch(`http://${httpListeners[0]}${path}`, init)).text();
  }

  async page(): Promise<string> {
    return await this.#http('/metrics');
  }

  async metric(name: string): Promise<number | undefined> {
    return valueIn(await this.page(), name);
  }

  async suspensions(init?: RequestInit): Promise<string> {
    const headers = { 'content-type': 'application/json' };
    return await this.#http('/api/admin/suspend-source/v1', { ...init, headers });
  }

  told(...types: string[]): Told[] {
    return readLog(this.data, types);
  }

  /** The last suspension of a source that the log tells of. */
  lastSuspension(source: string): Told {
    const last = this.told('source.suspended').findLast(({ stream }) => stream === source);
    assert.ok(last !== undefined, `${source} was suspended`);
    return last;
  }

  async close(): Promise<void> {
    this.aliases.close();
    await this.#daemon?.kill();
    await this.target.close();
  }
}

const GAUGE = 'egress_source_health_suspended';
const SUSPENSIONS = 'egress_source_health_suspensions_total';
const FAILURES = 'egress_source_connection_failures_total';
const BAD = '{source="bad",reason="Unplumbed"}';

async function tellStory(scene: Scene): Promise<void> {
  const [good, bad] = [scene.address(1), scene.address(2)];
  // In order: both send.
  const first = await scene.arrival(await scene.send(PAIR, 4));
  assert.deepEqual(new Set(first.map(({ peer }) => peer)), new Set([good, bad]));
  assert.equal(await scene.metric(`${GAUGE}${BAD}`), undefined);

  // The address goes while mail flows: ten of ten go by the other, and nobody waits.
  scene.aliases.remove(bad);
  const ten = await scene.send(PAIR, 10);
  const sentAt = Date.now();
  const copies = await scene.arrival(ten);
  assert.deepEqual(new Set(copies.map(({ peer }) => peer)), new Set([good]));
  assert.ok(
    copies.every(({ at }) => at < sentAt + 1_500),
    'no retry was waited for',
  );
  assert.equal(await scene.metric(`${GAUGE}${BAD}`), 1);
  assert.equal(await scene.metric(`${SUSPENSIONS}${BAD}`), 1);
  assert.ok(Number(await scene.metric(`${FAILURES}{source="bad",kind="Unplumbed"}`)) >= 1);
  assert.ok(Number(await scene.metric('bind_failures')) >= 1);
  const { suspended } = JSON.parse(await scene.suspensions()) as { suspended: object[] };
  assert.deepEqual(
    suspended.map((one) => ({ ...one, until: '', remaining: '', cause: '' })),
    [{ source: 'bad', reason: 'Unplumbed', cause: '', until: '', remaining: '' }],
  );

  // Alone: whatever is sent waits for the end, though the address is back before it.
  const waiting = await scene.send(ALONE, 3);
  const end = scene.lastSuspension('bad').body['until'] as number;
  scene.aliases.add(bad);
  const late = await scene.arrival(waiting);
  for (const { at, peer } of late) {
    assert.equal(peer, bad);
    assert.ok(at >= end, `${end - at} ms before the end`);
    assert.ok(at <= end + LATE_MS, `${at - end} ms after the end`);
  }
  assert.equal(await scene.metric(`${GAUGE}${BAD}`), 0);
  assert.deepEqual(
    scene.told('message.deferred').map(({ body }) => body),
    [],
    'no attempt was counted',
  );
}

async function tellThreshold(scene: Scene): Promise<void> {
  const blinking = scene.address(3);
  const gauge = `${GAUGE}{source="blinking",reason="Unplumbed"}`;
  scene.aliases.remove(blinking);
  const numbers = await scene.send(BLINKING, 1);
  const isOut = () => scene.told('source.suspended').some(({ stream }) => stream === 'blinking');
  const end = performance.now() + SOON_MS;
  while (!isOut() && performance.now() < end) {
    const page = await scene.page();
    const failures = valueIn(page, `${FAILURES}{source="blinking",kind="Unplumbed"}`) ?? 0;
    if (failures < 3) assert.equal(valueIn(page, gauge), undefined, `${failures} failures`);
    await pause(20);
  }
  const { body } = scene.lastSuspension('blinking');
  assert.deepEqual([body['count'], (body['failures'] as []).length], [3, 3]);
  scene.aliases.add(blinking);
  const [copy] = await scene.arrival(numbers);
  assert.ok((copy?.at ?? 0) >= Number(body['until']));
  // What failed below the threshold cost an attempt, the failure that fired cost none. A message
  // may be worth two connections, so one attempt may be two failures.
  const number = `a.${numbers[0]}@`;
  const isOurs = ({ body: { to } }: Told): boolean =>
    (to as string[])[0]?.startsWith(number) === true;
  const delivered = () => scene.told('message.delivered').find(isOurs);
  assert.ok(await until(() => delivered() !== undefined, SOON_MS));
  const last = delivered();
  const deferrals = scene.told('message.deferred').filter(({ stream }) => stream === last?.stream);
  assert.ok(deferrals.length >= 1 && deferrals.length <= 2, `${deferrals.length} deferrals`);
  assert.equal(last?.body['attempt'], deferrals.length + 1);
}

async function tellRestart(scene: Scene): Promise<void> {
  const body = JSON.stringify({ source: 'bad', duration: '15s', reason: 'a restart' });
  const answer = JSON.parse(await scene.suspensions({ method: 'POST', body })) as {
    until: string;
  };
  const end = Date.parse(answer.until);
  const waiting = await scene.send(ALONE, 2);
  await scene.daemon.kill();
  await scene.restart();
  assert.match(await scene.suspensions(), /"reason":"Operator","cause":"a restart"/);
  assert.equal(await scene.metric(`${GAUGE}{source="bad",reason="Operator"}`), 1);
  for (const { at } of await scene.arrival(waiting)) {
    assert.ok(at >= end && at <= end + LATE_MS, `${at - end} ms after the end`);
  }
  // And lifted by hand it comes back at once.
  const hour = JSON.stringify({ source: 'bad', duration: '1h' });
  await scene.suspensions({ method: 'POST', body: hour });
  const held = await scene.send(ALONE, 1);
  await pause(500);
  assert.deepEqual(scene.copiesOf(held), []);
  await scene.suspensions({ method: 'DELETE', body: '{"source":"bad"}' });
  await scene.arrival(held);
}

describe('sources on real addresses', { skip: whyNoAlias() ?? false }, () => {
  for (const form of ['TypeScript', 'TOML', 'JSON'] as const) {
    describe(form, () => {
      const scratch = makeScratch('sources');
      const scene = new Scene(form, scratch.path);
      before(() => scene.start());
      after(async () => {
        await scene.close();
        scratch.remove();
      });
      test('an address that is gone costs nothing, and mail comes back to it', () =>
        tellStory(scene));
      test('a threshold is met before the source is out', () => tellThreshold(scene));
      test('a suspension by hand outlives a kill, and can be lifted', () => tellRestart(scene));
    });
  }
});
