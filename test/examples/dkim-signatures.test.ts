/**
 * Signatures, by example: what stands in the field, which fields are signed, and that two verifiers
 * which others wrote, mailauth and OpenDKIM, believe them and nothing else.
 * Deliberately unknown here: threads, and where keys come from.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSigningFault } from '../../src/dkim/fault.ts';
import { signMessage } from '../../src/dkim/sign.ts';
import type { DkimSigning } from '../../src/domain/options-dkim.ts';
import type { TestKey } from './dkim-kit.ts';
import {
  ED25519,
  judgeByMailauth,
  judgeByOpenDkim,
  MESSAGE,
  makeKey,
  octets,
  RECORDS,
  RSA,
  signingBy,
  whyNoOpenDkim,
} from './dkim-kit.ts';

const AT = Math.floor(Date.now() / 1_000);
type Options = Readonly<Record<string, unknown>>;

const linesOf = (message: Uint8Array, ...signings: readonly DkimSigning[]): string => {
  const keyed = signings.map((signing) => {
    return { signing, key: signing.algo === 'sha256' ? RSA.key : ED25519.key };
  });
  return signMessage([message], keyed, AT);
};
const signed = (message: Uint8Array, ...signings: readonly DkimSigning[]): Buffer =>
  Buffer.concat([octets(linesOf(message, ...signings)), message]);

const fieldOf = (options: Options, message: Uint8Array = MESSAGE): string =>
  linesOf(message, signingBy(ED25519, options)).replaceAll(/\r\n\t/g, ' ');
const namesOf = (options: Options, message?: Uint8Array): string =>
  (/ h=([^;]*);/.exec(fieldOf(options, message))?.[1] ?? '').replaceAll(' ', '');

const KINDS = ['Relaxed', 'Simple'] as const;
const ways = KINDS.flatMap((header) =>
  KINDS.map((body) => ({ header_canonicalization: header, body_canonicalization: body })),
);

const odd: Readonly<Record<string, Buffer>> = {
  'a plain message': MESSAGE,
  'an empty body': octets('From: a@example.com\r\nSubject: x\r\n\r\n'),
  'a body of empty lines': octets('From: a@example.com\r\n\r\n\r\n\r\n\r\n'),
  'a body of blanks': octets('From: a@example.com\r\n\r\n \t \r\n  \r\n'),
  'no CRLF at the end': octets('From: a@example.com\r\n\r\nthe end'),
  'eight bits': octets('From: \xe9 <a@example.com>\r\nSubject: \xff\xfe\r\n\r\n\x80\xc3\xa9 \r\n'),
  'an empty field': octets('From: a@example.com\r\nSubject:\r\nTo: \r\n\r\nx\r\n'),
  'blanks before the colon': octets('From : a@example.com\r\nSubject\t :  x \r\n\r\nx\r\n'),
};

describe('the DKIM-Signature field', () => {
  it('has its tags, and no line is longer than 78', () => {
    const field = fieldOf({ headers: ['From', 'Subject'], expiration: '1 day' });
    const bodyHash = '[A-Za-z0-9+/]{43}=';
    const tags =
      `^DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example\\.com; s=ed; ` +
      `t=${AT}; x=${AT + 86_400}; h=From:Subject; bh=${bodyHash}; b=[A-Za-z0-9+/= ]{88,90}\r\n$`;
    assert.match(field, new RegExp(tags));
    const long = linesOf(MESSAGE, signingBy(RSA, { over_sign: true }));
    for (const line of long.split('\r\n')) assert.ok(line.length <= 78, line);
    assert.doesNotMatch(long, /[ ;]l=/);
  });

  it('names whom it signs for, third parties and reports', () => {
    const options = {
      agent_user_identifier: 'J=;ö@mail.Example.com',
      atps: 'sender.example',
      atpsh: 'sha256',
      reporting: true,
    };
    const field = fieldOf(options);
    assert.match(field, / i=J=3D=3B=C3=B6@mail\.example\.com; t=/);
    assert.match(field, / r=y; atps=sender\.example; atpsh=sha256; h=/);
  });

  it('writes names as DNS has them', () => {
    assert.match(fieldOf({ domain: 'Exämple.com' }), / d=xn--exmple-cua\.com; /);
  });

  it('signs every occurrence of a field, and with over_sign one more', () => {
    const message = octets('To: 1\r\nFrom: a@example.com\r\nTo: 2\r\n\r\nx\r\n');
    const headers = ['From', 'To', 'Cc'];
    assert.equal(namesOf({ headers }, message), 'From:To:To');
    assert.equal(namesOf({ headers, over_sign: true }, message), 'From:From:To:To:To:Cc');
    assert.equal(namesOf({ headers: ['from', 'Cc', 'cc', 'FROM'] }, message), 'from:from:Cc:Cc');
  });

  it('covers one-click unsubscription without being told to (RFC 8058)', () => {
    assert.match(namesOf({}), /:List-Unsubscribe:List-Unsubscribe-Post/);
  });

  it('is the same for an empty body and for none, which mailauth does not read', () => {
    const header = 'From: a@example.com\r\nSubject: x\r\n';
    const none = linesOf(octets(header), signingBy(RSA));
    assert.equal(none, linesOf(octets(`${header}\r\n`), signingBy(RSA)));
  });

  it('refuses a header that no mail has', () => {
    const message = octets(`From: a@example.com\r\n${'To: x\r\n'.repeat(1_000)}\r\n`);
    assert.throws(
      () => linesOf(message, signingBy(RSA)),
      (thrown) =>
        isSigningFault(thrown) &&
        thrown.code === 'message' &&
        thrown.message === 'the message has more than 1000 header fields to sign',
    );
  });
});

describe('mailauth', () => {
  for (const [name, message] of Object.entries(odd)) {
    it(`believes signatures of ${name}`, async () => {
      for (const way of ways) {
        const options = { ...way, over_sign: true };
        const both = signed(message, signingBy(RSA, options), signingBy(ED25519, options));
        assert.deepEqual(await judgeByMailauth(both), ['pass', 'pass'], JSON.stringify(way));
      }
    });
  }

  it('believes signatures of one message in different canonical forms', async () => {
    const all = ways.map((way) => signingBy(RSA, way));
    assert.deepEqual(await judgeByMailauth(signed(MESSAGE, ...all)), Array(4).fill('pass'));
  });

  it('does not believe a message with a field added where it was over-signed', async () => {
    const add = async (over_sign: boolean): Promise<string[]> => {
      const message = signed(MESSAGE, signingBy(RSA, { over_sign }));
      return judgeByMailauth(Buffer.concat([octets('Reply-To: evil@example.org\r\n'), message]));
    };
    assert.deepEqual(await add(false), ['pass']);
    assert.deepEqual(await add(true), ['fail bad signature']);
  });

  it('does not believe a signature whose time is over', async () => {
    const signing = signingBy(RSA, { expiration: '1 minute' });
    const lines = signMessage([MESSAGE], [{ signing, key: RSA.key }], AT - 3_600);
    const [verdict] = await judgeByMailauth(Buffer.concat([octets(lines), MESSAGE]));
    assert.match(verdict ?? '', /expired/);
  });
});

/** The verdicts of OpenDKIM, from the top. */
const verdictsOf = (message: Uint8Array, records = RECORDS): string[] =>
  [...judgeByOpenDkim(message, records).matchAll(/\bdkim=(\w+)/g)].map(([, word]) => word ?? '');

// `.ci/run` installs it; where WAYBILL_BROKERS asks for real programs its lack is a failure.
const lack = whyNoOpenDkim();
if (lack !== undefined && process.env['WAYBILL_BROKERS'] === 'required') throw new Error(lack);
if (lack !== undefined) console.log(`OpenDKIM: skipped, ${lack}`);

describe('OpenDKIM', { skip: lack ?? false }, () => {
  it('believes RSA and Ed25519 in all canonical forms', () => {
    for (const way of ways) {
      const options = { ...way, over_sign: true, expiration: '1 day' };
      const both = signed(MESSAGE, signingBy(RSA, options), signingBy(ED25519, options));
      assert.deepEqual(verdictsOf(both), ['pass', 'pass'], JSON.stringify(way));
    }
  });

  it('believes keys of 2048 and 4096 bits', () => {
    for (const bits of [2_048, 4_096]) {
      const key: TestKey = makeKey('sha256', bits);
      const lines = signMessage([MESSAGE], [{ signing: signingBy(key), key: key.key }], AT);
      const records = { 'rsa._domainkey.example.com': key.record };
      const whole = Buffer.concat([octets(lines), MESSAGE]);
      assert.deepEqual(verdictsOf(whole, records), ['pass'], `${bits} bits`);
    }
  });

  it('does not believe another body, or another subject', () => {
    const good = signed(MESSAGE, signingBy(RSA), signingBy(ED25519)).toString('latin1');
    assert.deepEqual(verdictsOf(octets(good.replace('good-bye', 'good bye'))), ['fail', 'fail']);
    assert.deepEqual(verdictsOf(octets(good.replace('a subject', 'my subject'))), ['fail', 'fail']);
  });
});
