/**
 * The bytes of the two ways through a proxy, held against the public texts: SOCKS5 of RFC 1928 and
 * RFC 1929, octet by octet and cut at every place, and the PROXY header in both versions.
 * Deliberately unknown here: sockets and time.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatOctets, octetsOf, parseIp } from '../../src/domain/ip.ts';
import { makeProxyHeader } from '../../src/ports/node/proxy-header.ts';
import type { Socks5Step, Socks5Wish } from '../../src/ports/node/socks5.ts';
import { Socks5Dialogue } from '../../src/ports/node/socks5.ts';

const ip = (text: string) => parseIp(text) as NonNullable<ReturnType<typeof parseIp>>;
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const PLAIN: Socks5Wish = { target: ip('192.0.2.25'), port: 25, source: ip('198.51.100.7') };
const LOGIN: Socks5Wish = { ...PLAIN, username: 'me', password: 'hunter2' };

interface Talk {
  readonly said: string;
  readonly last: Socks5Step;
}

/** Plays replies into a dialogue, each in pieces; a reply is due once something was said. */
function play(
  wish: Socks5Wish,
  replies: readonly Buffer[],
  cut: (bytes: Buffer) => Buffer[],
): Talk {
  const dialogue = new Socks5Dialogue(wish);
  let last = dialogue.begin();
  let said = '';
  const note = (): void => {
    if (last.kind === 'say') said += `${last.bytes.toString('hex')} `;
  };
  note();
  for (const reply of replies) {
    for (const piece of cut(reply)) {
      last = dialogue.receive(piece);
      note();
    }
  }
  return { said: said.trim(), last };
}

const whole = (bytes: Buffer): Buffer[] => [bytes];
const byByte = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.from([byte]));

const METHOD = hex('05 00');
const BY_PASSWORD = hex('05 02');
const GRANTED = hex('01 00');
const BOUND = hex('05 00 00 01 c6336407 0000');
const CONNECTED = hex('05 00 00 01 c6336407 c350');
const ALL = [METHOD, BOUND, CONNECTED];

const failure = (replies: readonly Buffer[], wish = PLAIN): string => {
  const { last } = play(wish, replies, whole);
  return last.kind === 'failed' ? `${last.code} ${last.cause}` : last.kind;
};

describe('SOCKS5', () => {
  test('no log-in, BIND to the source address, CONNECT', () => {
    const { said, last } = play(PLAIN, ALL, whole);
    assert.equal(said, '050100 05020001c63364070000 05010001c00002190019');
    assert.deepEqual(last, {
      kind: 'through',
      address: '198.51.100.7',
      port: 50_000,
      rest: Buffer.alloc(0),
    });
  });

  test('the unspecified address is not asked for', () => {
    const { said, last } = play({ ...PLAIN, source: ip('0.0.0.0') }, [METHOD, CONNECTED], whole);
    assert.equal(said, '050100 05010001c00002190019');
    assert.equal(last.kind, 'through');
  });

  test('IPv6, and an address that is mapped into it goes as IPv4', () => {
    const wish = { target: ip('2001:db8::25'), port: 587, source: ip('2001:db8::7') };
    const reply = hex('05 00 00 04 20010db8000000000000000000000007 0102');
    const { said, last } = play(wish, [METHOD, reply, reply], whole);
    const asked = '20010db8000000000000000000000007';
    const target = '20010db8000000000000000000000025';
    assert.equal(said, `050100 05020004${asked}0000 05010004${target}024b`);
    assert.equal(last.kind === 'through' && `${last.address} ${last.port}`, '2001:db8::7 258');
    const mapped = play({ ...PLAIN, target: ip('::ffff:192.0.2.25') }, ALL, whole);
    assert.match(mapped.said, /05010001c00002190019$/);
  });

  test('a log-in is offered beside none, and used where it is chosen', () => {
    const { said } = play(LOGIN, [BY_PASSWORD, GRANTED, BOUND, CONNECTED], whole);
    const name = Buffer.from('me').toString('hex');
    const password = Buffer.from('hunter2').toString('hex');
    const asked = '05020001c63364070000 05010001c00002190019';
    assert.equal(said, `05020002 0102${name}07${password} ${asked}`);
    assert.match(play(LOGIN, ALL, whole).said, /^05020002 05020001/);
  });

  test('a name as the bound address, and what the peer says already', () => {
    const named = hex('05 00 00 03 02 6869 0019');
    const talk = play(PLAIN, [METHOD, named, Buffer.concat([named, Buffer.from('220 ')])], whole);
    assert.deepEqual(talk.last, {
      kind: 'through',
      address: 'hi',
      port: 25,
      rest: Buffer.from('220 '),
    });
  });

  test('cut at every place it is the same', () => {
    for (const replies of [ALL, [BY_PASSWORD, GRANTED, BOUND, CONNECTED]]) {
      const expected = play(LOGIN, replies, whole);
      assert.deepEqual(play(LOGIN, replies, byByte), expected);
      for (const [index, reply] of replies.entries()) {
        for (let at = 1; at < reply.length; at += 1) {
          const cut = (bytes: Buffer): Buffer[] =>
            bytes === replies[index] ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes];
          assert.deepEqual(play(LOGIN, replies, cut), expected, `reply ${index} cut at ${at}`);
        }
      }
    }
  });

  test('refusals', () => {
    const unplumbed = 'FAULT_PROXY_UNPLUMBED BIND of 198.51.100.7 at the proxy failed';
    assert.equal(failure([METHOD, hex('05 01')]), `${unplumbed}: general failure of the proxy`);
    assert.equal(failure([METHOD, hex('05 07 00 01')]), `${unplumbed}: command not supported`);
    const target = 'FAULT_PROXY_TARGET CONNECT of the proxy to 192.0.2.25 port 25 failed';
    assert.equal(failure([METHOD, BOUND, hex('05 05')]), `${target}: connection refused`);
    assert.equal(failure([METHOD, BOUND, hex('05 04')]), `${target}: host unreachable`);
    assert.equal(failure([METHOD, BOUND, hex('05 63')]), `${target}: unknown reply 99`);
  });

  test('a handshake that fails', () => {
    assert.match(failure([hex('05 ff')]), /^FAULT_PROXY_HANDSHAKE .*accepts no log-in/);
    assert.match(failure([hex('05 01')]), /HANDSHAKE the proxy chose method 1, which was not/);
    assert.match(failure([BY_PASSWORD]), /HANDSHAKE the proxy chose method 2, which was not/);
    assert.match(failure([BY_PASSWORD, hex('01 01')], LOGIN), /HANDSHAKE .*refused the user name/);
    const { username } = LOGIN;
    assert.match(failure([], { ...PLAIN, username: 'me' }), /HANDSHAKE .*cannot be read/);
    for (const password of ['', 'x'.repeat(256)]) {
      assert.match(failure([], { ...PLAIN, username: username ?? '', password }), /1 to 255 bytes/);
    }
  });

  test('whoever does not speak SOCKS5, or out of turn', () => {
    const garbled = /^FAULT_PROXY_HANDSHAKE the proxy did not speak SOCKS5 where /;
    assert.match(failure([Buffer.from('HTTP/1.1 400')]), garbled);
    assert.match(failure([Buffer.from('220 smtp')]), garbled);
    assert.match(failure([hex('05 00 05')]), garbled);
    assert.match(failure([BY_PASSWORD, hex('05 00')], LOGIN), garbled);
    assert.match(failure([BY_PASSWORD, hex('01 00 05')], LOGIN), garbled);
    assert.match(failure([METHOD, hex('04 00')]), garbled);
    assert.match(failure([METHOD, hex('05 00 00 02 01')]), garbled);
    // A second answer to BIND comes only where the request was taken for that of FTP and the like.
    assert.match(failure([METHOD, Buffer.concat([BOUND, BOUND])]), garbled);
  });

  test('any bytes: it ends or waits, never throws, and tells no password', () => {
    const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 12 }), { maxLength: 12 });
    fc.assert(
      fc.property(pieces, fc.boolean(), (raw, isLogin) => {
        const dialogue = new Socks5Dialogue(isLogin ? LOGIN : PLAIN);
        dialogue.begin();
        let isOver = false;
        for (const piece of raw) {
          const step = dialogue.receive(Buffer.from(piece));
          assert.ok(!isOver || step.kind === 'more', 'nothing follows the end');
          isOver ||= step.kind === 'failed' || step.kind === 'through';
          if (step.kind === 'failed') assert.doesNotMatch(step.cause, /hunter2/);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the PROXY header', () => {
  const from = { ip: ip('192.0.2.1'), port: 0 };
  const to = { ip: ip('198.51.100.25'), port: 25 };
  const from6 = { ip: ip('2001:db8::1'), port: 0 };
  const to6 = { ip: ip('2001:db8:0:1::25'), port: 465 };
  const SIGNATURE = '0d0a0d0a000d0a515549540a';

  test('version 2', () => {
    const four = `${SIGNATURE}2111000c c0000201 c6336419 0000 0019`;
    assert.deepEqual(makeProxyHeader('v2', from, to), hex(four));
    const ends = '20010db8000000000000000000000001 20010db8000000010000000000000025 0000 01d1';
    assert.deepEqual(makeProxyHeader('v2', from6, to6), hex(`${SIGNATURE}21210024 ${ends}`));
  });

  test('version 1', () => {
    const text = (...args: Parameters<typeof makeProxyHeader>) => String(makeProxyHeader(...args));
    assert.equal(text('v1', from, to), 'PROXY TCP4 192.0.2.1 198.51.100.25 0 25\r\n');
    const six = 'PROXY TCP6 2001:db8::1 2001:db8:0:1::25 0 465\r\n';
    assert.equal(text('v1', from6, to6), six);
  });

  test('ends of two families have none', () => {
    assert.equal(makeProxyHeader('v2', from, to6), undefined);
    assert.equal(makeProxyHeader('v1', from6, to), undefined);
  });
});

describe('addresses as text', () => {
  test('as RFC 5952 section 4 writes them', () => {
    const write = (text: string): string => formatOctets(Uint8Array.from(octetsOf(ip(text))));
    assert.equal(write('::'), '::');
    assert.equal(write('0:0:0:0:0:0:0:1'), '::1');
    assert.equal(write('2001:0DB8:0:0:0:0:2:1'), '2001:db8::2:1');
    assert.equal(write('2001:db8:0:1:1:1:1:1'), '2001:db8:0:1:1:1:1:1');
    assert.equal(write('2001:0:0:1:0:0:0:1'), '2001:0:0:1::1');
    assert.equal(write('2001:db8:0:0:1:0:0:1'), '2001:db8::1:0:0:1');
    assert.equal(write('10:0:0:0:0:0:0:0'), '10::');
    assert.equal(write('192.0.2.1'), '192.0.2.1');
  });

  test('any address survives writing and reading', () => {
    const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
    const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 16), { minLength: 16, maxLength: 16 });
    const octets = fc.oneof(
      v6,
      v4,
      sparse.map((raw) => Uint8Array.from(raw)),
    );
    fc.assert(
      fc.property(octets, (raw) => {
        const read = octetsOf(ip(formatOctets(raw)));
        const isMapped = raw.length === 16 && read.length === 4;
        assert.deepEqual(read, [...(isMapped ? raw.subarray(12) : raw)]);
      }),
    );
  });
});
