/**
 * Clients that others wrote send mail to the intake: nodemailer, swaks and Postfix's smtp-source.
 * The one idea: what they believe was accepted is compared with what was stored. Tools that are not
 * installed are skipped by name. It does not know the protocol.
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { createTransport } from 'nodemailer';
import type { IntakeWorld } from '../examples/intake-world.ts';
import { openIntake, storedBody } from '../examples/intake-world.ts';

const run = promisify(execFile);
const isMissing = (tool: string, option: string) =>
  spawnSync(tool, [option]).error === undefined ? false : `${tool} is not installed`;

let world: IntakeWorld;

describe('foreign clients', () => {
  beforeEach(async () => {
    world = await openIntake();
  });
  afterEach(async () => {
    await world.end();
    assert.equal(world.listener.sessions(), 0);
  });

  test('nodemailer', async () => {
    const { port } = world.listener;
    const transport = createTransport({ host: '127.0.0.1', port, secure: false, pool: true });
    const text = `.\r\n..leading dots\r\n${'long '.repeat(100)}\r\nGrüße 🙂`;
    const mail = { from: 'a@a.test', to: ['b@b.test', 'c@c.test'], subject: 'Grüße', text };
    const all = await Promise.all(Array.from({ length: 20 }, () => transport.sendMail(mail)));
    for (const { response, accepted } of all) {
      assert.match(response, /^250 2\.0\.0 OK ids=[0-9a-f]{32} [0-9a-f]{32}$/);
      assert.equal(accepted.length, 2);
    }
    transport.close();
    assert.equal(world.host.submissions.length, 20);
    assert.match(storedBody(world.bodies), /^From: a@a\.test\r\n/);
  });

  test('swaks', { skip: isMissing('swaks', '--version') }, async () => {
    const { port } = world.listener;
    const place = ['--server', `127.0.0.1:${port}`, '--from', 'a@a.test', '--to', 'b@b.test'];
    const { stdout } = await run('swaks', [...place, '--pipeline', '--body', '.\n..\nend']);
    assert.match(stdout, /250 2\.0\.0 OK ids=/);
    assert.match(storedBody(world.bodies), /\r\n\.\r\n\.\.\r\nend\r\n/);
  });

  test('smtp-source', { skip: isMissing('smtp-source', '-?') }, async () => {
    const load = ['-s', '20', '-m', '200', '-l', '10240', '-f', 'a@a.test', '-t', 'b@b.test'];
    await run('smtp-source', [...load, `127.0.0.1:${world.listener.port}`]);
    await run('smtp-source', [...load, '-d', `127.0.0.1:${world.listener.port}`]);
    assert.equal(world.host.submissions.length, 400);
    const sizes = new Set(world.bodies.written.map((_, at) => storedBody(world.bodies, at).length));
    assert.equal(sizes.size <= 4, true, [...sizes].join());
  });
});
