/**
 * What does a DKIM signature cost: on one thread, through the pool, and by mailauth beside them?
 * Usage: node --import tsx bench/dkim.ts [--seconds 2] [--bytes 10240] [--no-history].
 * The one idea: beside signatures a second it tells how long the main thread is busy for each, as
 * that decides what is worth posting to another thread.
 * Deliberately unknown here: mail coming in, and keys that are not at hand.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import { signMessage } from '../src/dkim/sign.ts';
import { Signing } from '../src/ports/node/signing.ts';
import type { TestKey } from '../test/examples/dkim-kit.ts';
import { makeKey, octets, signingBy } from '../test/examples/dkim-kit.ts';
import { describeMachine } from './machine.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Orders under way at once in the pool. */
const UNDER_WAY = 64;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    bytes: { type: 'string', default: '10240' },
    'no-history': { type: 'boolean', default: false },
  },
});
const spanMs = Number(values.seconds) * 1_000;
const LINE = 'A line of a letter as people write them, neither short nor long at all.\r\n';
const HEADER =
  'From: Ada <ada@example.com>\r\nTo: Bob <bob@example.net>\r\nSubject: the bench\r\n' +
  'Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\n';
const message = octets(HEADER + LINE.repeat(Math.ceil(Number(values.bytes) / LINE.length)));

interface Figure {
  readonly perSecond: number;
  /** How long the main thread is busy for each signature, µs. */
  readonly mainUs: number;
}

const measure = async (run: (until: number) => Promise<number>): Promise<Figure> => {
  await run(performance.now() + spanMs / 4);
  const before = performance.eventLoopUtilization();
  const from = performance.now();
  const count = await run(from + spanMs);
  const ms = performance.now() - from;
  const { utilization } = performance.eventLoopUtilization(before);
  return {
    perSecond: Math.round((count / ms) * 1_000),
    mainUs: Math.round((utilization * ms * 1_000) / count),
  };
};

// Lets the event loop turn now and then, so that its time is accounted for.
const inTurns = async (until: number, once: () => unknown): Promise<number> => {
  let count = 0;
  while (performance.now() < until) {
    await once();
    count += 1;
    if (count % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return count;
};

const onOneThread = (key: TestKey): Promise<Figure> => {
  const keyed = [{ signing: signingBy(key), key: key.key }];
  return measure((until) => inTurns(until, () => signMessage([message], keyed, 1_795_000_000)));
};

const throughPool = async (key: TestKey): Promise<Figure> => {
  const pool = new Signing({ warn: console.error });
  const signings = [JSON.stringify(signingBy(key))];
  const order = { stage: 'reception', chunks: [message], signings } as const;
  try {
    return await measure(async (until) => {
      let count = 0;
      const lane = async (): Promise<void> => {
        while (performance.now() < until) {
          await pool.sign(order);
          count += 1;
        }
      };
      await Promise.all(Array.from({ length: UNDER_WAY }, lane));
      return count;
    });
  } finally {
    await pool.close();
  }
};

const byMailauth = (key: TestKey): Promise<Figure> => {
  const signingKey = { signingDomain: 'example.com', selector: 's', privateKey: key.pem };
  const options = {
    ...signingKey,
    canonicalization: 'relaxed/relaxed',
    signTime: new Date(),
    signatureData: [signingKey],
  };
  return measure((until) => inTurns(until, () => dkimSign(message, options)));
};

const rows = [];
for (const [name, key] of [
  ['RSA-2048', makeKey('sha256', 2_048)],
  ['Ed25519', makeKey('ed25519')],
] as const) {
  const [one, pool, mailauth] = [
    await onOneThread(key),
    await throughPool(key),
    await byMailauth(key),
  ];
  const ratio = Math.round((one.perSecond / mailauth.perSecond) * 100) / 100;
  rows.push({ name, one, pool, mailauth, ratio });
  const say = ({ perSecond, mainUs }: Figure): string => `${perSecond}/s (${mainUs} µs of main)`;
  console.log(
    `${name.padEnd(9)} one thread ${say(one)}, pool ${say(pool)}, mailauth ${say(mailauth)}, ` +
      `${ratio} times mailauth`,
  );
}

if (!values['no-history']) {
  const at = new Date().toISOString();
  const line = { at, ...describeMachine(ROOT), dkim: { bytes: message.length, rows } };
  appendFileSync(join(ROOT, 'bench/history.jsonl'), `${JSON.stringify(line)}\n`);
}
