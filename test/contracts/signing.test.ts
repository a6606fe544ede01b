/**
 * The pool of signing threads: what it gives is what signing on one thread gives, whoever asks and
 * however often; orders that fail, threads that die and a line that is full harm nobody else.
 * Deliberately unknown here: DKIM beyond what two verifiers say elsewhere.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { isSigningFault } from '../../src/dkim/fault.ts';
import type { SigningOrder, SigningSettings } from '../../src/ports/node/signing.ts';
import { Signing } from '../../src/ports/node/signing.ts';
import { ED25519, judgeByMailauth, MESSAGE, octets, RSA, signingBy } from '../examples/dkim-kit.ts';
import { startVault, TOKEN } from './vault-server.ts';

const opened: Signing[] = [];
const said: string[] = [];
const open = (settings: Partial<SigningSettings> = {}): Signing => {
  const signing = new Signing({ warn: (sentence) => said.push(sentence), ...settings });
  opened.push(signing);
  return signing;
};
afterEach(async () => {
  await Promise.all(opened.splice(0).map((signing) => signing.close()));
  said.length = 0;
});

const BOTH = [signingBy(RSA), signingBy(ED25519)].map((one) => JSON.stringify(one));
const orderOf = (
  message: Uint8Array | readonly Uint8Array[],
  signings: readonly string[] = BOTH,
): SigningOrder => {
  const chunks = message instanceof Uint8Array ? [message] : message;
  return { stage: 'reception', chunks, signings };
};

const faultOf = async (signed: Promise<string>): Promise<string> => {
  try {
    await signed;
  } catch (thrown) {
    assert.ok(isSigningFault(thrown), String(thrown));
    return `${thrown.code}: ${thrown.message}`;
  }
  return assert.fail('it was signed');
};

// What is no signature at all is our own mistake, and ends the thread that meets it.
const POISON = orderOf(MESSAGE, ['no signature']);

describe('the signing pool', () => {
  it('gives complete header lines that verify, and starts no thread before', async () => {
    const signing = open();
    assert.equal(signing.numbers().threads, 0);
    assert.equal(await signing.sign(orderOf(MESSAGE, [])), '');
    assert.equal(signing.numbers().threads, 0);
    const lines = await signing.sign(orderOf(MESSAGE));
    assert.match(lines, /^DKIM-Signature: [\s\S]*\r\nDKIM-Signature: [\s\S]*[^\r\n]\r\n$/);
    const whole = Buffer.concat([octets(lines), MESSAGE]);
    assert.deepEqual(await judgeByMailauth(whole), ['pass', 'pass']);
  });

  it('takes pieces of larger buffers and leaves them as they are, shared ones too', async () => {
    const signing = open({ threads: 1 });
    const slab = Buffer.concat([octets('before'), MESSAGE, octets('behind')]);
    const pieces = [slab.subarray(6, 40), slab.subarray(40, 6 + MESSAGE.length)];
    const shared = new Uint8Array(new SharedArrayBuffer(MESSAGE.length));
    shared.set(MESSAGE);
    for (const chunks of [pieces, [shared.subarray(0, 9), shared.subarray(9)]]) {
      const lines = await signing.sign(orderOf(chunks));
      const whole = Buffer.concat([octets(lines), ...chunks]);
      assert.deepEqual(await judgeByMailauth(whole), ['pass', 'pass']);
    }
    assert.equal(slab.length, MESSAGE.length + 12);
    assert.ok(slab.subarray(6, 6 + MESSAGE.length).equals(MESSAGE));
  });

  it('serves many at once, each its own', async () => {
    const signing = open({ threads: 2 });
    const texts = Array.from(
      { length: 300 },
      (_, at) => `From: a@example.com\r\n\r\nmail ${at}\r\n`,
    );
    const ed = BOTH.slice(1);
    const all = await Promise.all(texts.map((text) => signing.sign(orderOf(octets(text), ed))));
    assert.equal(new Set(all).size, texts.length);
    for (const at of [0, 150, 299]) {
      const whole = octets(`${all[at]}${texts[at]}`);
      assert.deepEqual(await judgeByMailauth(whole), ['pass']);
    }
    const { signed, failed, waiting, threads } = signing.numbers();
    assert.deepEqual({ signed, failed, waiting }, { signed: 300, failed: 0, waiting: 0 });
    assert.ok(threads === 1 || threads === 2);
  });

  it('says why an order fails, and goes on', async () => {
    const signing = open({ threads: 1 });
    const lost = signingBy(RSA, { key: '/nowhere/key.pem' });
    const [fault, good] = await Promise.all([
      faultOf(signing.sign(orderOf(MESSAGE, [JSON.stringify(lost)]))),
      signing.sign(orderOf(MESSAGE)),
    ]);
    assert.match(fault, /^key: the DKIM key of rsa\._domainkey\.example\.com \(the file \/nowhere/);
    assert.notEqual(good, '');
    assert.equal(signing.numbers().deaths, 0);
  });

  it('is not held up by a Vault that hangs', async () => {
    const vault = await startVault();
    try {
      vault.manner = () => {};
      const key = { vault_mount: 'm', vault_path: 'p', vault_address: vault.address };
      const slow = signingBy(RSA, { key: { ...key, vault_token: TOKEN } });
      const signing = open({ threads: 1 });
      const waiting = faultOf(signing.sign(orderOf(MESSAGE, [JSON.stringify(slow)])));
      assert.notEqual(await signing.sign(orderOf(MESSAGE)), '');
      assert.match(await waiting, /^key: .*no answer within 5 s/);
    } finally {
      await vault.close();
    }
  });

  it('rejects what a thread held that dies, and starts another', async () => {
    const signing = open({ threads: 1 });
    assert.notEqual(await signing.sign(orderOf(MESSAGE)), '');
    const dying = faultOf(signing.sign(POISON));
    const next = signing.sign(orderOf(MESSAGE)).catch(() => 'went along');
    assert.match(await dying, /^lost: a signing thread ended: .*JSON/);
    await next;
    assert.notEqual(await signing.sign(orderOf(MESSAGE)), '');
    assert.equal(signing.numbers().deaths, 1);
    assert.match(said.join('\n'), /a signing thread ended/);
  });

  it('leaves those who wait to the next thread, and gives up where none comes up', async () => {
    const signing = open({ threads: 1 });
    assert.notEqual(await signing.sign(orderOf(MESSAGE)), '');
    const dying = faultOf(signing.sign(POISON));
    const others = Array.from({ length: 40 }, () =>
      signing.sign(orderOf(MESSAGE, BOTH.slice(1))).then(
        () => 'signed',
        () => 'lost',
      ),
    );
    await dying;
    const ends = await Promise.all(others);
    assert.ok(ends.filter((end) => end === 'signed').length >= 32, ends.join());
    // None of these threads ever answers anything.
    const hopeless = open({ threads: 1 });
    const poisons = Array.from({ length: 40 }, () => faultOf(hopeless.sign(POISON)));
    for (const fault of await Promise.all(poisons)) assert.match(fault, /^lost: /);
    assert.deepEqual(hopeless.numbers().waiting, 0);
    assert.equal(hopeless.numbers().deaths, 1);
  });

  it('refuses what is more than its line takes', async () => {
    const signing = open({ threads: 1, waitingMax: 5 });
    const all = Array.from({ length: 30 }, () =>
      signing.sign(orderOf(MESSAGE)).then(
        () => 'signed',
        (fault: Error) => fault.message,
      ),
    );
    const ends = await Promise.all(all);
    // A thread takes eight and five wait.
    assert.equal(ends.filter((end) => end === 'signed').length, 13);
    assert.equal(ends.filter((end) => end === '5 messages wait to be signed').length, 17);
    assert.equal(signing.numbers().refused, 17);
  });

  it('rejects at its end what is left, and whatever comes then', async () => {
    const signing = open({ threads: 1 });
    const left = Array.from({ length: 20 }, () => faultOf(signing.sign(orderOf(MESSAGE))));
    await signing.close();
    for (const fault of await Promise.all(left)) assert.match(fault, /^closed: the daemon stops/);
    assert.match(await faultOf(signing.sign(orderOf(MESSAGE))), /^closed: /);
    assert.equal(signing.numbers().threads, 0);
  });

  it('keeps no process alive that has nothing to sign', async () => {
    const { spawn } = await import('node:child_process');
    const pool = new URL('../../src/ports/node/signing.ts', import.meta.url).href;
    const code = `
      const { Signing } = await import(${JSON.stringify(pool)});
      const pool = new Signing({ warn: console.error });
      const order = ${JSON.stringify({ stage: 'reception', signings: BOTH })};
      const chunks = [Buffer.from(${JSON.stringify(MESSAGE.toString('latin1'))}, 'latin1')];
      console.log((await pool.sign({ ...order, chunks })).length > 0);
    `;
    const args = ['--import', 'tsx', '--input-type=module', '-e', code];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    const [status] = await once(child, 'close');
    assert.deepEqual([status, out], [0, 'true\n']);
  });
});
