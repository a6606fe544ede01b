/**
 * `waybill top` beside a daemon that goes away: it says so, shows nothing old as new, goes on
 * asking, says when it is back, and ends with the code of what it saw last.
 * Deliberately unknown here: what is shown (live-terminal.test.ts).
 */
import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { RunningCommand } from './cli-run.ts';

const WAIT_MS = 30_000;
const QUEUE = { queue_name: 'old.example', messages: 3, age: '1h', oldest: '2026-01-01T00:00:00Z' };

/** A daemon as far as top sees one. */
const serve = (port: number): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer(({ url = '' }, response) => {
      const isList = url.startsWith('/api/admin/queues');
      response.setHeader('content-type', isList ? 'application/json' : 'text/plain');
      response.setHeader('connection', 'close');
      response.end(
        isList ? JSON.stringify({ queues: [QUEUE] }) : 'message_count 3\nscheduled_queue_count 1\n',
      );
    });
    server.listen(port, '127.0.0.1', () => resolve(server));
  });

const gone = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

const until = async (isSo: () => boolean, what: () => string): Promise<void> => {
  for (const endsAt = performance.now() + WAIT_MS; !isSo(); await pause(50)) {
    assert.ok(performance.now() < endsAt, what());
  }
};

const linesOf = (out: string) =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { messages: number | null; oldest_queue: string | null });

test('a daemon that dies and comes back is told, and so is one that stays away', async () => {
  let server = await serve(0);
  const { port } = server.address() as AddressInfo;
  const place = ['--endpoint', `http://127.0.0.1:${port}`];
  const top = new RunningCommand('top', '--json', '--update-interval', '0.2', ...place);
  const said = (): string => `${top.out}${top.err}`;
  await until(() => top.out.includes('"oldest_queue":"old.example"'), said);
  await gone(server);
  await until(() => /no waybilld answers at http/.test(top.err), said);
  const before = linesOf(top.out).length;
  await until(() => top.out.split('\n').length > before + 2, said);
  const last = linesOf(top.out).at(-1);
  assert.deepEqual([last?.messages, last?.oldest_queue], [null, null], 'nothing old as new');
  assert.equal(top.err.match(/no waybilld answers/g)?.length, 1, 'said once');
  server = await serve(port);
  await until(() => /waybilld answers again/.test(top.err), said);
  await until(() => linesOf(top.out).at(-1)?.messages === 3, said);
  top.stop('SIGINT');
  assert.equal(await top.ended, 0, said());

  const short = new RunningCommand('top', '--update-interval', '0.5', '--count', '4', ...place);
  await until(
    () => short.out !== '',
    () => short.out + short.err,
  );
  await gone(server);
  assert.equal(await short.ended, 69, short.err);
});
