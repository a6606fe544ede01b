/**
 * Law: any splitting of any reply stream yields the same phases; garbage yields a fault, never a
 * throw; and nothing that came before a command was sent is credited to it.
 * Deliberately unknown here: links and charts; the dialogue is driven directly.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { HeardReply, Phase } from '../../src/actors/connection/dialogue.ts';
import { Dialogue, LINE_CHARS_MAX } from '../../src/actors/connection/dialogue.ts';

const ROUNDS = { numRuns: 1000 };

// A run of a conversation: as soon as a phase is answered the next one is expected.
function converse(pieces: readonly Buffer[], counts: readonly number[]): string[] {
  const told: string[] = [];
  let round = 0;
  const show = (replies: readonly HeardReply[]): string => JSON.stringify(replies);
  const dialogue: Dialogue = new Dialogue({
    continued: () => {},
    answered: (phase, replies) => {
      told.push(`${phase} ${show(replies)}`);
      if (dialogue.hasExcess) return;
      expectNext();
    },
    closing: (phase, replies) => told.push(`closing ${phase} ${show(replies)}`),
    broken: (how) => told.push(`broken ${how}`),
  });
  const expectNext = (): void => {
    const count = counts[round];
    round += 1;
    if (count !== undefined) dialogue.expect(round % 2 === 0 ? 'envelope' : 'body', count);
  };
  expectNext();
  for (const piece of pieces) dialogue.receive(piece);
  return told;
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const upto of [...at, bytes.length]) {
    pieces.push(bytes.subarray(from, upto));
    from = upto;
  }
  return pieces;
}

const text = fc.stringMatching(/^[ -~\t]{0,40}$/);
const code = fc.constantFrom(220, 250, 251, 354, 421, 450, 451, 550, 554, 599, 200);
const reply = fc
  .tuple(code, fc.array(text, { minLength: 1, maxLength: 4 }))
  .map(([number, lines]) =>
    lines.map((line, i) => `${number}${i === lines.length - 1 ? ' ' : '-'}${line}\r\n`).join(''),
  );
const noise = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.constantFrom(
    '250\r\n',
    '2.0.0 ok\r\n',
    '250 ok\n',
    '25',
    '\r\n',
    '250-a\r\n251 b\r\n',
    '999 x\r\n',
  ),
);
const cuts = fc.array(fc.nat(), { maxLength: 12 });

describe('dialogue', () => {
  test('one reply per phase, bytes split anyhow: the same phases', () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 6 }), cuts, cuts, (replies, one, other) => {
        // All replies of the stream are due together, as for a pipelined envelope.
        const stream = Buffer.from(replies.join(''), 'latin1');
        const counts = [Math.max(1, replies.length)];
        assert.deepEqual(
          converse(split(stream, one), counts),
          converse(split(stream, other), counts),
        );
      }),
      ROUNDS,
    );
  });

  test('any bytes: nothing is thrown, and the split does not matter', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(reply, noise), { maxLength: 6 }),
        fc.nat({ max: 6 }),
        cuts,
        (parts, due, where) => {
          const stream = Buffer.from(parts.join(''), 'latin1');
          const whole = converse([stream], [due + 1]);
          assert.deepEqual(converse(split(stream, where), [due + 1]), whole);
          const ends = whole.filter((line) => /^(broken|closing)/.test(line));
          assert.ok(ends.length <= 1, 'after the end the dialogue is deaf');
        },
      ),
      ROUNDS,
    );
  });

  test('what came early is never credited to a later command', () => {
    fc.assert(
      fc.property(fc.array(reply, { minLength: 2, maxLength: 6 }), (replies) => {
        // One reply is due; the others came with it, before anything else was asked.
        const told = converse([Buffer.from(replies.join(''), 'latin1')], [1, 1, 1, 1, 1, 1]);
        if (replies[0]?.startsWith('421') === true) assert.equal(told.length, 1);
        else assert.match(told.join('\n'), /^body [^\n]*\nbroken unsolicited reply$/);
      }),
      ROUNDS,
    );
  });

  test('a well-formed stream gives back exactly its codes and texts', () => {
    const parts = fc.array(fc.tuple(code, text), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(parts, cuts, (said, where) => {
        const known = said.filter(([number]) => number !== 421);
        fc.pre(known.length > 0);
        const stream = known.map(([number, line]) => `${number} ${line}\r\n`).join('');
        const expected = known.map(([number, line]) => ({ code: number, text: line }));
        const told = converse(split(Buffer.from(stream), where), [known.length]);
        assert.deepEqual(told, [`body ${JSON.stringify(expected)}`]);
      }),
      ROUNDS,
    );
  });
});

describe('dialogue, case by case', () => {
  const first = (bytes: string | Buffer): string =>
    converse([Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1')], [1]).join(' | ');
  const cases: readonly (readonly [string, string | Buffer, RegExp])[] = [
    ['no text', '250\r\n', /^body \[\{"code":250,"text":""\}\]$/],
    ['enhanced code alone', '2.0.0 ok\r\n', /^broken not a reply$/],
    ['bare LF', '250 ok\n', /^broken bare LF$/],
    ['CR inside', '250 o\rk\r\n', /^broken bytes not allowed/],
    ['NUL', '250 o\0k\r\n', /^broken bytes not allowed/],
    ['8-bit in an acceptance', '250 \xe4\r\n', /^broken bytes not allowed/],
    ['8-bit in a refusal', '550 \xe4\r\n', /^body \[\{"code":550/],
    ['codes differ', '250-a\r\n550 b\r\n', /^broken codes differ$/],
    ['six hundred', '600 x\r\n', /^broken not a reply$/],
    ['one hundred', '150 x\r\n', /^broken not a reply$/],
    ['no blank', '250ok\r\n', /^broken not a reply$/],
    ['four digits', '2500 ok\r\n', /^broken not a reply$/],
    ['an endless line', '2'.repeat(LINE_CHARS_MAX + 2), /^broken line too long$/],
    ['an endless reply', '250-x\r\n'.repeat(20_000), /^broken reply too long$/],
    ['an incomplete reply', '250-ok\r\n250', /^$/],
    ['closing', '421 bye\r\n250 ok\r\n', /^closing body \[\{"code":421,"text":"bye"\}\]$/],
  ];
  for (const [name, bytes, expected] of cases) {
    test(name, () => assert.match(first(bytes), expected));
  }

  test('UTF-8 in an acceptance counts where SMTPUTF8 was offered', () => {
    const told: string[] = [];
    const dialogue = new Dialogue({
      continued: () => {},
      answered: (phase: Phase, replies) => told.push(`${phase} ${replies[0]?.text}`),
      closing: () => told.push('closing'),
      broken: (how) => told.push(how),
    });
    dialogue.allowUtf8();
    dialogue.expect('body', 1);
    dialogue.receive(Buffer.from('250 grüße\r\n'));
    dialogue.expect('body', 1);
    dialogue.receive(Buffer.from('250 \xff\xfe\r\n', 'latin1'));
    assert.deepEqual(told, ['body grüße', 'bytes not allowed in a reply']);
  });
});
