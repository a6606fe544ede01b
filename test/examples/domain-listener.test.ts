/**
 * Stories about listeners: their defaults, and which settings a session gets by its two addresses;
 * and about the rotation of sources, whose shares are known.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseListenerConfig,
  parseListenerDomain,
  sessionSettings,
} from '../../src/domain/options-listener.ts';
import type { Rotation } from '../../src/domain/round-robin.ts';
import { createRotation, Ring } from '../../src/domain/round-robin.ts';

test('a listener without options has the documented defaults', () => {
  const listener = parseListenerConfig({}, 'listener');
  assert.deepEqual(listener.listen, { address: '127.0.0.1', port: 2025 });
  assert.equal(listener.max_message_size, 20_971_520);
  assert.deepEqual(
    listener.relay_hosts.map((cidr) => cidr.text),
    ['127.0.0.1', '::1'],
  );
  assert.equal(listener.trace_headers.header_name, 'X-KumoRef');
  assert.equal(listener.invalid_line_endings, 'Deny');
});

test('the best prefix wins, the peer before the local address, and tables nest', () => {
  const listener = parseListenerConfig(
    {
      listen: '[::1]:0',
      banner: 'top',
      meta: { where: 'top', kept: 1 },
      peer: {
        '10.0.0.0/8': { banner: 'ten', max_message_size: 1_000 },
        '10.1.0.0/16': {
          banner: 'ten-one',
          meta: { where: 'peer' },
          via: { '192.0.2.1': { hostname: 'inner' } },
        },
      },
      via: { '192.0.2.0/24': { banner: 'via', hostname: 'outer' } },
    },
    'listener',
  );
  const at = (peer: string, local: string) => sessionSettings(listener, peer, local);
  assert.equal(at('11.0.0.1', '198.51.100.1').banner, 'top');
  assert.equal(at('10.2.0.1', '198.51.100.1').banner, 'ten');
  assert.equal(at('10.2.0.1', '198.51.100.1').max_message_size, 1_000);
  const narrow = at('::ffff:10.1.0.1', '198.51.100.1');
  assert.equal(narrow.banner, 'ten-one');
  assert.equal(narrow.max_message_size, 20_971_520);
  assert.deepEqual(narrow.meta, { where: 'peer', kept: 1 });
  assert.equal(narrow.hostname, undefined);
  assert.equal(at('10.1.0.1', '192.0.2.9').banner, 'via');
  assert.equal(at('10.1.0.1', '192.0.2.1').hostname, 'outer');
  assert.equal(at('not an address', '').banner, 'top');
});

test('listeners that are wrong are refused', () => {
  const refused = (raw: unknown, words: RegExp) =>
    assert.throws(() => parseListenerConfig(raw, 'listener'), words);
  refused({ listen: 'localhost:25' }, /not an address with a port/);
  refused({ listen: '127.0.0.1' }, /not an address with a port/);
  refused({ tls_certificate: '/a.pem' }, /tls_certificate: is given alone/);
  refused({ peer: { '10.0.0.1/8': {} } }, /bits set beyond/);
  refused({ peer: { '10.0.0.0/8': { listen: '127.0.0.1:1' } } }, /listen: is not an option here/);
  refused({ peer: { '10.0.0.0/8': { baner: 'x' } } }, /did you mean 'banner'/);
  refused({ trace_headers: { header: 'x' } }, /trace_headers.header: is not an option here/);
  let deep: object = {};
  for (let level = 0; level < 6; level += 1) deep = { peer: { '::/0': deep } };
  refused(deep, /nested too deeply/);
});

test('listener domains read reports both ways', () => {
  const domain = parseListenerDomain(
    { relay_to: true, log_oob: true, log_arf: 'LogThenDrop' },
    'd',
  );
  assert.deepEqual([domain.log_oob, domain.log_arf], ['LogThenRelay', 'LogThenDrop']);
  assert.equal(parseListenerDomain({ log_oob: false }, 'd').log_oob, 'Ignore');
});

const member = (name: string, weight: number) => ({ name, weight });
type Member = ReturnType<typeof member>;
const ringOf = (...members: readonly Member[]) => new Ring(members);

function pick(ring: Ring<Member>, rotation: Rotation): string | undefined {
  ring.begin();
  return ring.members[ring.pick(rotation)]?.name;
}

function shares(weights: readonly number[], picks: number): number[] {
  const members = weights.map((weight, at) => member(String(at), weight));
  const rotation = createRotation();
  const counts = new Array<number>(weights.length).fill(0);
  const ring = new Ring(members);
  for (let turn = 0; turn < picks; turn += 1) {
    const at = Number(pick(ring, rotation));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

test('full cycles of the rotation are exact', () => {
  assert.deepEqual(shares([5, 2, 3], 2), [0, 1, 1]);
  assert.deepEqual(shares([5, 2, 3], 102), [50, 21, 31]);
  assert.deepEqual(shares([50, 20, 30], 102), [50, 21, 31]);
  assert.deepEqual(shares([1, 1], 101), [50, 51]);
  assert.deepEqual(shares([3, 0], 10), [10, 0]);
  assert.deepEqual(shares([3, 0, 3], 101), [50, 0, 51]);
});

test('a rotation of one or none leaves the state alone', () => {
  const rotation = { idx: 4, cw: 3 };
  assert.equal(pick(ringOf(), rotation), undefined);
  assert.equal(pick(ringOf(member('z', 0)), rotation), undefined);
  assert.equal(pick(ringOf(member('a', 9), member('z', 0)), rotation), 'a');
  assert.deepEqual(rotation, { idx: 4, cw: 3 });
});

test('a threshold left behind by heavy members does not delay the light ones', () => {
  const rotation = { idx: 0, cw: 4_000_000_000 };
  assert.equal(pick(ringOf(member('a', 1), member('b', 1)), rotation), 'b');
  assert.equal(rotation.cw, 1);
});
