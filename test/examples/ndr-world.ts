/**
 * A simulated world in which senders are told of failures: mail goes in, reports come out at the
 * exchanger of the sender. Knows no test.
 */
import { formatBodyHeader } from '../../src/domain/body-header.ts';
import { NdrWriter } from '../../src/intake/ndr/writer.ts';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import { isFault } from '../../src/ports/ports.ts';
import { nodeIdOf } from '../../src/projections/log-record/fields.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import { readNdrParams } from '../../src/reports/ndr.ts';
import type { Copy } from '../../src/testing/world/exchanger.ts';
import { accepting, judging } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';
import { projectAll } from '../world/records.ts';

/** Whole reports of everything. */
export const NDR = {
  include_original_message: 'HeadersOnly',
  enable_bounce: true,
  enable_expiration: true,
  reporting_mta: { name: 'mx.here.test' },
};

/** A message that is submitted. */
export interface Letter {
  readonly from?: string;
  readonly to: readonly string[];
  readonly text?: string;
  readonly complaint?: boolean;
}

/** How a world is opened. */
export interface NdrKnobs {
  readonly ndr?: object;
  readonly handlers?: PolicyPart;
  readonly queue?: Record<string, unknown>;
  /** How long what was put off waits, ms. */
  readonly waitMs?: number;
}

/** The domain of senders. */
export const HERE = 'here.test';

const TEXT = 'From: s@here.test\r\nSubject: Your order\r\n\r\nThank you.\r\n';

/** Opens a world with somebody who writes reports. */
export async function openNdrWorld(knobs: NdrKnobs = {}) {
  const { ndr = {}, handlers = {}, queue = {}, waitMs = 5 } = knobs;
  const params = readNdrParams({ ...NDR, ...ndr }, 'test');
  const plan = makePlan({ queue: { egress_pool: 'one', ...queue } });
  plan.ndr = { bounces: params.enable_bounce, expirations: params.enable_expiration };
  const world = await World.start({
    seed: 3,
    plan,
    handlers,
    manners: { 'a.test': judging, [HERE]: accepting },
  });
  await world.runFor(100);
  return new NdrWorld(world, params, waitMs);
}

/** A world that tells senders of failures. */
export class NdrWorld {
  readonly world: World;
  readonly said: string[] = [];
  readonly #writer: NdrWriter;
  readonly #pump: NodeJS.Timeout;

  constructor(world: World, params: ReturnType<typeof readNdrParams>, waitMs: number) {
    this.world = world;
    this.#writer = new NdrWriter({
      host: world.engine,
      desk: world.engine.ndrs,
      bodies: world.bodies,
      params: () => params,
      nodeid: nodeIdOf('0000abcd'),
      now: () => world.now,
      log: (level, text) => this.said.push(`${level}: ${text}`),
      waitMs,
    });
    this.#writer.start();
    this.#pump = setInterval(() => void world.runFor(50), 2);
  }

  async stop(): Promise<void> {
    const stopped = this.#writer.stop();
    await stopped;
    clearInterval(this.#pump);
  }

  /** Submits a message; its id, once it is durable. */
  submit({ from = 's@here.test', to, text = TEXT, complaint = false }: Letter): Promise<string> {
    const { engine, bodies, now } = this.world;
    const [id] = engine.allocateIds(1) as [string];
    const chunks = [Buffer.from(text)];
    const whence = { from, peer: '203.0.113.1', helo: 'client.test', smtpUtf8: false };
    const messages = [{ id, to }];
    const beside = formatBodyHeader({ ...whence, messages, at: now, isEightBit: false });
    const { feedback, ...envelope } = complaintOf(from, to, text.length);
    const report = {
      type: 'report.complained' as const,
      stream: id,
      body: { ...envelope, feedback },
    };
    return new Promise((resolve, reject) => {
      bodies.write(beside, chunks, (body) => {
        if (isFault(body)) return reject(new Error(body.cause));
        const letter = { body, chunks, bodyBytes: body.length, eightBit: false };
        engine.submit(
          {
            ...whence,
            ...letter,
            service: 'esmtp',
            listener: '192.0.2.1:25',
            messages,
            receivedAt: now,
            ...(complaint ? { reports: [report] } : {}),
          },
          (refusal) => (refusal === undefined ? resolve(id) : reject(new Error(refusal.text))),
        );
      });
    });
  }

  /** What the exchanger of the senders took. */
  get reports(): readonly Copy[] {
    return this.world.hostOf(HERE).exchanger.copies;
  }

  /** Waits for something. */
  async until(isSo: () => boolean, what: string): Promise<void> {
    for (let left = 1_000; left > 0 && !isSo(); left -= 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (!isSo()) throw new Error(`never: ${what}\n${this.said.join('\n')}`);
  }

  /** Waits until nothing is owed, after so many reports were owed in all. */
  settled(owed: number): Promise<void> {
    const isSo = (): boolean =>
      this.events('ndr.owed').length >= owed && this.world.engine.ndrs.owed === 0;
    return this.until(isSo, `${owed} reports were owed`);
  }

  /** Bodies of the events of a type, with the id of the message. */
  events(type: string): Record<string, unknown>[] {
    const { records } = this.world.witness;
    return records
      .filter((record) => record.type === type)
      .map(({ stream, body }) => ({ stream, ...(JSON.parse(body) as object) }));
  }

  /** Public records of a type. */
  records(type: LogRecord['type']): LogRecord[] {
    const all = projectAll(this.world.witness.records).map(({ record }) => record);
    return all.filter((record) => record.type === type);
  }
}

const complaintOf = (from: string, to: readonly string[], size: number) => ({
  queue: 'a.test',
  from,
  to,
  size,
  peer: '203.0.113.1',
  helo: 'client.test',
  feedback: { feedback_type: 'abuse' },
});
