/**
 * Reports through the real program: what was answered with 250 is on record after a kill, and it is
 * named by the rules of the policy.
 * Deliberately unknown here: threads and events; only the program, its files and the wire.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import { RawClient } from '../examples/intake-world.ts';
import { readSample } from '../samples/reports.ts';
import { Daemon } from './daemon.ts';
import { makeScratch, until } from './scratch.ts';

const WAIT_MS_MAX = 60_000;

/** A policy whose sink appends records to a file. */
const policyText = (folder: string): string => `
import { appendFileSync } from 'node:fs';
import { definePolicy } from 'waybill/policy';
import { listenerDomains } from 'waybill/helpers';
const sink = {
  sendBatch(messages) {
    appendFileSync('${folder}/records', messages.map(({ text }) => text + '\\n').join(''));
    return 'kept';
  },
};
export default definePolicy(
  listenerDomains({ files: [{ 'b.sender.test': { log_oob: 'LogThenDrop' } }] }),
  {
    init(setup) {
      setup.smtpListener({ listen: '127.0.0.1:0', relay_hosts: ['192.0.2.1'] });
      setup.bounceClassifier({ files: ['bounce.toml', 'waybill:iana'] });
      setup.logHook({ name: 'keeper', custom: sink, batch_size: 20 });
    },
  },
);
`;

/** Brings a message to a bounce address as a stranger; the reply to its dot. */
async function bring(port: number, message: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const client = new RawClient(socket);
  await once(socket, 'connect');
  await client.reply();
  for (const line of ['EHLO mx.test', 'MAIL FROM:<>', 'RCPT TO:<b+1@b.sender.test>', 'DATA']) {
    assert.match(await client.talk(line), /^[23]/, line);
  }
  client.send(message);
  return client.talk('\r\n.');
}

test('a report that was answered outlives a kill and has its label', async (context) => {
  const scratch = makeScratch('reports-daemon');
  const folder = scratch.path;
  const policy = join(folder, 'policy.ts');
  const data = join(folder, 'data');
  writeFileSync(policy, policyText(folder));
  writeFileSync(join(folder, 'bounce.toml'), "[rules]\nNoSuchUser = ['(?i)user unknown']\n");
  const read = (): LogRecord[] => {
    const file = join(folder, 'records');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.flatMap((line) => (line === '' ? [] : [JSON.parse(line) as LogRecord]));
  };
  const unique = (): LogRecord[] => [
    ...new Map(read().map((record) => [record.event_id, record])).values(),
  ];
  let daemon = new Daemon(policy, data);
  context.after(async () => {
    await daemon.kill();
    scratch.remove();
  });
  const port = await daemon.demandPort();
  assert.match(await bring(port, 'Subject: no report\r\n\r\nHello'), /^550 5\.7\.1 /);
  // A reader that is new begins where the log is: it has begun when it has the first record.
  await until(() => unique().length === 1, WAIT_MS_MAX);
  assert.match(await bring(port, readSample('postfix').toString()), /^250 2\.0\.0 OK ids=/);
  await daemon.kill();
  daemon = new Daemon(policy, data);
  const again = await daemon.demandPort();
  assert.match(await bring(again, readSample('exchange').toString()), /^250 /);
  await until(() => unique().filter(({ type }) => type === 'OOB').length === 2, WAIT_MS_MAX);
  const told = unique().map((record) => {
    const { type, sender, recipient, bounce_classification: label } = record;
    return [type, sender, recipient, label];
  });
  const to = 'b+1@b.sender.test';
  assert.deepEqual(told, [
    ['Rejection', '', to, 'AuthenticationFailed'],
    ['Reception', '', to, 'Uncategorized'],
    ['OOB', to, 'anna.alias@relay.test', 'NoSuchUser'],
    ['Reception', '', to, 'Uncategorized'],
    ['OOB', to, 'carl@corp.test', 'Uncategorized'],
  ]);
});
