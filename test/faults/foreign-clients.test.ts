/**
 * Mail that other people's programs inject, in clear, over STARTTLS and with a log-in there,
 * arrives at a receiver as they sent it, byte for byte, but for the trace headers in front.
 * The one idea: the receiver is a library of others too, so neither end shares a line with ours.
 * Deliberately unknown here: SMTP, and everything inside the daemon.
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { createTransport } from 'nodemailer';
import { SMTPServer } from 'smtp-server';
import { SERVER_KEY, SERVER_PEM } from '../examples/tls-certificates.ts';
import { Daemon } from './daemon.ts';
import { PostfixPeer, whyNoPostfix } from './postfix-peer.ts';
import { makeScratch, until } from './scratch.ts';

const run = promisify(execFile);
const WAIT_MS_MAX = 60_000;
const MEGABYTE = 1024 * 1024;

/** One message as its sender means it. */
interface Sample {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly raw: Buffer;
  readonly isUtf8: boolean;
}

// A relay adds those of these that are missing.
const DATED =
  'Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@here.test>\r\nMIME-Version: 1.0\r\n';
const head = (name: string): string =>
  `From: Someone <a@here.test>\r\nTo: b@there.test\r\nSubject: ${name}\r\n${DATED}`;

const sample = (name: string, text: Buffer | string, isUtf8 = false): Sample => {
  const tag = name.replaceAll(' ', '-');
  const from = isUtf8 ? `grüße.${tag}@here.test` : `${tag}@here.test`;
  const to = isUtf8 ? `käse.${tag}@there.test` : `${tag}@there.test`;
  return { name, from, to, isUtf8, raw: Buffer.isBuffer(text) ? text : Buffer.from(text) };
};

const FOLDED = Array.from({ length: 60 }, (_, at) => `\t<${'r'.repeat(60)}.${at}@here.test>\r\n`);
const LONG_LINE = `X-Long: ${'x'.repeat(998 - 'X-Long: '.length)}\r\n`;
const LARGE_LINE = `${'0123456789'.repeat(7)}\r\n`;
const EIGHT_BIT = 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n';

const SAMPLES: readonly Sample[] = [
  sample('eight bit', `${head('8bit')}${EIGHT_BIT}\r\nGrüße 🙂\r\nÅngström\r\n`),
  sample('dots', `${head('dots')}\r\n.\r\n..\r\n...\r\n.a\r\n.. b\r\nin . between\r\n.\r\nend\r\n`),
  sample('long headers', `${LONG_LINE}References:${FOLDED.join('')}${head('long')}\r\nx\r\n`),
  sample('empty body', `${head('empty')}\r\n`),
  sample('utf8', `${head('Grüße')}X-Cheese: Käse\r\n${EIGHT_BIT}\r\nGrüße\r\n`, true),
  sample('large', `${head('large')}\r\n${LARGE_LINE.repeat((20 * MEGABYTE) / 72 - 100)}`),
];

/** How a program is told to send one message to a port. */
type Client = (port: number, way: Way, sample: Sample, file: string) => Promise<void>;

/** In clear, over STARTTLS, or there with a log-in. */
type Way = 'clear' | 'STARTTLS' | 'login';
const USER = 'ann';
const PASSWORD = 'sesame';

// It does not say SMTPUTF8, puts a line behind an empty body, and takes long for 20 MB.
const NOT_BY_SWAKS = ['utf8', 'empty body', 'large'];

const nodemailer: Client = async (port, way, { from, to, raw, isUtf8 }) => {
  const secure = way !== 'clear';
  const security = { ignoreTLS: !secure, requireTLS: secure, tls: { rejectUnauthorized: false } };
  const auth = way === 'login' ? { auth: { user: USER, pass: PASSWORD } } : {};
  const transport = createTransport({
    host: '127.0.0.1',
    port,
    secure: false,
    ...security,
    ...auth,
  });
  await transport.sendMail({ envelope: { from, to: [to], use8BitMime: true, isUtf8 }, raw });
  transport.close();
};

const swaks: Client = async (port, way, { from, to, raw }, file) => {
  // It ends the last line itself.
  writeFileSync(file, raw.subarray(0, -2));
  const place = ['--server', '127.0.0.1', '--port', String(port), '--from', from, '--to', to];
  const more = ['--data', `@${file}`, '--suppress-data', '--pipeline'];
  const login = ['--auth', 'PLAIN', '--auth-user', USER, '--auth-password', PASSWORD];
  const tls = way === 'clear' ? [] : ['--tls'];
  await run('swaks', [...place, ...more, ...tls, ...(way === 'login' ? login : [])]);
};

const SMTPLIB = `
import smtplib, ssl, sys
port, way, sender, to, path, utf8, user, password = sys.argv[1:]
raw = open(path, 'rb').read()
line = smtplib.SMTP('127.0.0.1', int(port), timeout=60)
line.ehlo()
if way != 'clear':
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    line.starttls(context=context)
    line.ehlo()
if way == 'login':
    line.login(user, password)
options = ['BODY=8BITMIME'] + (['SMTPUTF8'] if utf8 == 'true' else [])
line.sendmail(sender, [to], raw, mail_options=options)
line.quit()
`;

const smtplib: Client = async (port, way, { from, to, isUtf8 }, file) => {
  const how = [String(port), way, from, to, file, String(isUtf8), USER, PASSWORD];
  await run('python3', ['-c', SMTPLIB, ...how]);
};

const whyNo = (tool: string, option: string): string | false =>
  spawnSync(tool, [option]).error === undefined ? false : `${tool} is not installed`;

const CLIENTS: readonly (readonly [string, Client, string | false])[] = [
  ['nodemailer', nodemailer, false],
  ['swaks', swaks, whyNo('swaks', '--version')],
  ['smtplib of Python', smtplib, whyNo('python3', '--version')],
];

const scratch = makeScratch('foreign-clients');
const place = (name: string): string => join(scratch.path, name);

/** Bodies by recipient, as the receiver's library unpacked them. */
const arrived = new Map<string, Buffer>();
const receiver = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  size: 64 * MEGABYTE,
  logger: false,
  onData(stream, session, taken) {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      for (const { address } of session.envelope.rcptTo)
        arrived.set(address, Buffer.concat(chunks));
      taken();
    });
  },
});

let daemon: Daemon;
let port = 0;

/** What stands in front of a message: header fields of ours, and of those it passed before us. */
const TRACE = /^(?:(?:Received|X-KumoRef|Return-Path): [^\r]*\r\n(?:[ \t][^\r]*\r\n)*)+/;

/** Waits until it has arrived and compares. */
async function demandArrival({ to, raw, name }: Sample): Promise<void> {
  assert.ok(await until(() => arrived.has(to), WAIT_MS_MAX), `${name} did not arrive`);
  const got = arrived.get(to) ?? Buffer.alloc(0);
  arrived.delete(to);
  const trace = TRACE.exec(got.toString('latin1', 0, 16_384))?.[0] ?? '';
  assert.match(trace, /^Received: /m);
  const own = got.subarray(trace.length);
  const at = own.findIndex((octet, index) => octet !== raw[index]);
  const near = at < 0 ? '' : own.toString('latin1', Math.max(0, at - 40), at + 40);
  assert.ok(own.equals(raw), `${name}: ${own.length} of ${raw.length}, differs at ${at}: ${near}`);
}

before(async () => {
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  const target = (receiver.server.address() as AddressInfo).port;
  writeFileSync(place('cert.pem'), SERVER_PEM);
  writeFileSync(place('key.pem'), SERVER_KEY);
  const policy = `import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) {
    setup.smtpListener({
      listen: '127.0.0.1:0',
      max_message_size: ${32 * MEGABYTE},
      tls_certificate: '${place('cert.pem')}',
      tls_private_key: '${place('key.pem')}',
    });
  },
  smtp_server_auth_plain: (authz, authc, password) =>
    authc === '${USER}' && password === '${PASSWORD}',
  get_queue_config: () => ({ protocol: { smtp: { mx_list: ['127.0.0.1:${target}'] } } }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;
  writeFileSync(place('policy.ts'), policy);
  daemon = new Daemon(place('policy.ts'), place('data'));
  port = await daemon.demandPort();
});

after(async () => {
  await daemon.stop();
  await new Promise<void>((done) => receiver.close(() => done()));
  scratch.remove();
});

describe('mail of foreign clients arrives as it was sent', () => {
  for (const [name, client, skip] of CLIENTS) {
    for (const way of ['clear', 'STARTTLS', 'login'] as const) {
      test(`${name}: ${way}`, { skip }, async () => {
        for (const [at, one] of SAMPLES.entries()) {
          if (client === swaks && NOT_BY_SWAKS.includes(one.name)) continue;
          const file = place(`${at}.eml`);
          writeFileSync(file, one.raw);
          await client(port, way, one, file);
          await demandArrival(one);
        }
      });
    }
  }

  test('Postfix as a relaying client', { skip: whyNoPostfix() ?? false }, async () => {
    const postfix = await PostfixPeer.start(port);
    try {
      for (const one of SAMPLES) {
        // It takes 10 MB unless told otherwise.
        if (one.raw.length > MEGABYTE) continue;
        await nodemailer(postfix.port, 'clear', one, '');
        await demandArrival(one);
      }
      assert.ok(await until(() => postfix.queued() === 0, WAIT_MS_MAX), postfix.tail());
    } finally {
      await postfix.stop();
    }
  });

  test('a client that only speaks and listens: nothing in the way of a plain socket', async () => {
    const [one] = SAMPLES as [Sample];
    const socket = createConnection(port, '127.0.0.1');
    const script = ['EHLO a.test', `MAIL FROM:<${one.from}> BODY=8BITMIME`, `RCPT TO:<${one.to}>`];
    socket.write(`${script.join('\r\n')}\r\nDATA\r\n`);
    let heard = '';
    for await (const bytes of socket) {
      heard += String(bytes);
      if (heard.includes('354 ')) {
        socket.end(Buffer.concat([one.raw, Buffer.from('.\r\nQUIT\r\n')]));
        break;
      }
    }
    await demandArrival(one);
  });
});
