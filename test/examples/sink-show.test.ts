/**
 * What `waybill sink` shows of messages: printed, and as files that keep them byte for byte.
 * Deliberately unknown here: how they came.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Copy } from '../../src/cli/sink-copy.ts';
import { describeMessage, showCopies } from '../../src/cli/sink-show.ts';
import { CommandFailure } from '../../src/cli/terminal.ts';
import { waybill } from './cli-run.ts';

test('messages are kept as they were, and shown with nothing that a terminal obeys', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sink-show-'));
  const letters = join(dir, 'letters');
  const failures: CommandFailure[] = [];
  const wanted = showCopies({ dump: letters }, (failure) => failures.push(failure));
  writeFileSync(join(letters, '000007.eml'), 'from before');
  const again = showCopies({ dump: letters }, (failure) => failures.push(failure));
  assert.ok(wanted !== undefined && again !== undefined);
  const wire = Buffer.from('Subject: x\r\n\r\n..dot\r\n\x1b[2Jé\r\n');
  const copy: Copy = { from: 's@x', to: ['a@y', 'b\x1b@y'], bytes: wire.length - 1, sha256: '' };
  again(copy, 'copy', wire);
  assert.deepEqual(readdirSync(letters).sort(), ['000007.eml', '000008.eml']);
  const kept = readFileSync(join(letters, '000008.eml'));
  assert.equal(kept.toString(), 'Subject: x\r\n\r\n.dot\r\n\x1b[2Jé\r\n');
  // One that another writes meanwhile is not overwritten.
  writeFileSync(join(letters, '000009.eml'), 'of somebody');
  again(copy, 'copy', wire);
  assert.match(failures[0]?.message ?? '', /^cannot write .*000009\.eml: /);
  assert.equal(readFileSync(join(letters, '000009.eml'), 'utf8'), 'of somebody');
  assert.throws(() => showCopies({ dump: join(letters, '000007.eml') }, () => {}), CommandFailure);
  assert.equal(
    describeMessage(copy, 'unanswered', kept, 'headers', 'f'),
    '=== from <s@x> to <a@y> <b\ufffd@y>, 28 bytes; its client heard no answer; f\nSubject: x\n',
  );
  assert.match(describeMessage(copy, 'copy', kept, 'all'), /^=== .*\nSubject: x\n\n\.dot\n/);
  const long = Buffer.alloc(300_000, 'x');
  assert.match(describeMessage(copy, 'copy', long, 'all'), /x\n=== cut after 262144 bytes\n$/);
  assert.equal(
    showCopies({}, () => {}),
    undefined,
  );
  const mixed = await waybill('sink', '--show', 'all', '--json');
  assert.deepEqual([mixed.code, mixed.out], [64, ''], mixed.err);
  rmSync(dir, { recursive: true });
});

test('sink --show prints what a client sends', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sink-shown-'));
  const path = join(dir, 's');
  const words = [
    'sink',
    '--listen',
    `unix:${path}`,
    '--count',
    '1',
    '--quiet',
    '--show',
    'headers',
  ];
  const ended = waybill(...words);
  let socket: Socket | undefined;
  for (let left = 200; socket === undefined && left > 0; left -= 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (readdirSync(dir).includes('s')) socket = connect(path);
  }
  assert.ok(socket !== undefined, 'it listens');
  socket.on('error', () => {});
  socket.write('HELO c\r\nMAIL FROM:<s@x.test>\r\nRCPT TO:<u@y.test>\r\nDATA\r\n');
  socket.write('Subject: shown\r\n\r\nbody\r\n.\r\n');
  const { code, out } = await ended;
  socket.destroy();
  assert.deepEqual(
    [code, out],
    [0, '=== from <s@x.test> to <u@y.test>, 24 bytes\nSubject: shown\n\n'],
  );
  rmSync(dir, { recursive: true });
});
