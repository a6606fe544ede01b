/**
 * Law: any stream of commands and garbage, cut anywhere, leaves a listener that serves the next
 * client, and accepts no message that the stream did not complete.
 * The one idea: count what was stored against the 250s that a dot earned. It does not know which
 * replies are right; the stories do.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openIntake } from '../examples/intake-world.ts';

const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('MAIL FROM:<a@a.test>', 'RCPT TO:<b@b.test>', 'DATA', '.'),
  },
  { weight: 2, arbitrary: fc.constantFrom('RSET', 'NOOP', 'EHLO x', 'HELO x', 'VRFY a', 'QUIT') },
  { weight: 1, arbitrary: fc.constantFrom('STARTTLS', 'AUTH PLAIN', 'BDAT 5', 'XCLIENT A=b', '') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
);
const ending = fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r', '\0');

const lines = (...said: string[]) => said.map((line) => [line, '\r\n'] as [string, '\r\n']);
// Unknown commands take the library's slow way, so that the client's end is seen before the dot.
const SLOW = lines('MAIL FROM:<a@a.test>', 'X', 'RCPT TO:<b@b.test>', '.', 'DATA', '.');

test('any commands leave a listener that serves', async (t) => {
  const world = await openIntake();
  t.after(() => world.end());
  const streams = fc.array(fc.tuple(command, ending), { maxLength: 30 });
  const cuts = fc.array(fc.nat(), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(streams, cuts, async (stream, places) => {
      const before = world.bodies.written.length;
      const client = await world.dial();
      await client.reply();
      const sent = `EHLO x\r\n${stream.map((parts) => parts.join('')).join('')}`;
      const bytes = Buffer.from(sent, 'utf8');
      const from = [0, ...places.map((place) => place % bytes.length).sort((a, b) => a - b)];
      for (const [at, place] of from.entries()) client.send(bytes.subarray(place, from[at + 1]));
      client.socket.end();
      await client.over();
      const accepted = client.heard.match(/^250 2\.0\.0 OK ids=/gm)?.length ?? 0;
      assert.equal(world.bodies.written.length - before, accepted);
      assert.doesNotMatch(client.heard, /^(?!\d{3}[- ]).+$/m);
    }),
    { numRuns: 300, examples: [[SLOW, []]] },
  );
  const client = await world.greet();
  assert.match(await client.talk('NOOP'), /^250 /);
});
