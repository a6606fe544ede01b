/**
 * What somebody with bad intentions sends over HTTP: bodies that lie about themselves, ids that
 * look like paths, names and file names that would be header lines.
 * Each is refused in words or comes out harmless. Deliberately unknown
 * here: every other refusal (inject-refusals, http-openapi, hostile-templates).
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';
import type { HttpListener } from '../../src/api/http.ts';
import { openHttp } from './http-parts.ts';
import { GOOD, print } from './inject-print.ts';
import type { InjectWorld } from './inject-world.ts';
import { openInjectWorld } from './inject-world.ts';

const LIMIT = 100_000;
let place: InjectWorld;
let listener: HttpListener;
let base = '';

before(async () => {
  place = await openInjectWorld({ options: { request_body_limit: LIMIT } });
  ({ listener, base } = await openHttp({}, { request_body_limit: LIMIT }));
});
after(async () => {
  await place.stop();
  await listener.stop(0);
});

/** Sends bytes as they are; what came back until the connection ended, or for a while. */
const raw = (url: string, parts: readonly (string | Buffer)[], waitMs = 5_000): Promise<string> =>
  new Promise((resolve) => {
    const { port, hostname } = new URL(url);
    let heard = '';
    const socket = connect(Number(port), hostname, () => {
      for (const part of parts) socket.write(part);
    });
    const done = (): void => {
      socket.destroy();
      resolve(heard);
    };
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
      if (/\r\n\r\n[\s\S]+/.test(heard)) setTimeout(done, 50);
    });
    socket.on('error', () => {});
    socket.on('close', done);
    setTimeout(done, waitMs).unref();
  });

const head = (target: string, ...fields: string[]): string => {
  const lines = [`POST ${target} HTTP/1.1`, 'Host: h', 'Content-Type: application/json'];
  return `${[...lines, ...fields].join('\r\n')}\r\n\r\n`;
};

describe('bodies that lie', () => {
  const json = Buffer.from(JSON.stringify(GOOD));

  test('codings that nobody undoes, alone, nested and misspelt, are 415 in words', async () => {
    const packed: readonly (readonly [string, Buffer])[] = [
      ['br', brotliCompressSync(json)],
      ['zstd', json],
      ['compress', json],
      ['gzip, gzip', gzipSync(gzipSync(json))],
      ['gzip,deflate', gzipSync(json)],
      ['identity, gzip', gzipSync(json)],
      ['gzip;q=1', gzipSync(json)],
    ];
    for (const [coding, bytes] of packed) {
      const { status, text } = await place.post(bytes, { 'content-encoding': coding });
      assert.deepEqual([coding, status], [coding, 415]);
      assert.match(text, /content-encoding must be gzip or deflate/);
    }
    const bare = await place.post(deflateRawSync(json), { 'content-encoding': 'deflate' });
    assert.equal(bare.status, 400);
    assert.match(bare.text, /the body is not deflate/);
  });

  test('a bomb whose inner layer is another bomb ends at the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20));
    const twice = await place.post(gzipSync(bomb), { 'content-encoding': 'gzip' });
    assert.ok([400, 413].includes(twice.status), twice.text);
    const many = Buffer.concat(Array<Buffer>(7_000).fill(gzipSync('')));
    const { status } = await place.post(many, { 'content-encoding': 'gzip' });
    assert.ok([400, 413].includes(status), 'empty members without number');
  });

  test('orders may be compressed, by the same bounds', async () => {
    const order = JSON.stringify({ reason: 'x', dry_run: true });
    const cases: readonly (readonly [string, Buffer, number, RegExp])[] = [
      ['gzip', gzipSync(order), 200, /dry_run/],
      ['gzip', gzipSync(Buffer.alloc(8 * 1024 * 1024, 0x20)), 413, /request_body_limit/],
      ['gzip', Buffer.from(order), 400, /the body is not gzip/],
      ['br', brotliCompressSync(order), 415, /content-encoding must be gzip or deflate/],
    ];
    for (const [coding, bytes, status, words] of cases) {
      const answer = await fetch(`${base}/api/admin/bounce/v1`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': coding },
        body: new Uint8Array(bytes),
      });
      const text = await answer.text();
      assert.equal(answer.status, status, text);
      assert.match(text, words);
    }
  });

  test('a length that is larger than the limit is not waited for', async () => {
    for (const url of [place.url, `${base}/api/admin/bounce/v1`]) {
      const { pathname } = new URL(url);
      const heard = await raw(url, [head(pathname, `Content-Length: ${10 ** 12}`), '{']);
      assert.match(heard, /^HTTP\/1\.1 413 /, url);
    }
  });

  test('chunks without end are cut off at the limit', async () => {
    const chunk = `1000\r\n${' '.repeat(4096)}\r\n`;
    for (const url of [place.url, `${base}/api/admin/bounce/v1`]) {
      const { pathname } = new URL(url);
      const lines = [head(pathname, 'Transfer-Encoding: chunked'), chunk.repeat(60)];
      assert.match(await raw(url, lines), /^HTTP\/1\.1 413 /, url);
    }
  });

  test('two lengths, or a length and chunks, are no request', async () => {
    const body = JSON.stringify(GOOD);
    const both = [`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked'];
    const two = [`Content-Length: ${body.length}`, 'Content-Length: 3'];
    for (const fields of [both, two, ['Content-Length: -1'], ['Transfer-Encoding: xchunked']]) {
      const heard = await raw(place.url, [head('/api/inject/v1', ...fields), body]);
      assert.match(heard, /^HTTP\/1\.1 400 /, fields.join());
    }
  });
});

test('an id that looks like a path is an id that there is not', async () => {
  const ids = ['../../etc/passwd', '..%2f..%2fetc%2fpasswd', '%2e%2e/', '/etc/passwd', '..\\..\\x'];
  for (const id of [...ids, 'a\0b', '\u202e', 'file:///etc/passwd', '0'.repeat(32)]) {
    const asked = encodeURIComponent(id);
    for (const target of [
      `/api/admin/inspect-message/v1?id=${asked}`,
      `/api/admin/inspect-sched-q/v1?queue_name=${asked}`,
      `/api/admin/inspect-ready-q/v1?queue_name=${asked}`,
      `/api/admin/${asked}`,
      `/api/${asked}/v1`,
    ]) {
      const answer = await fetch(base + target);
      const { error } = (await answer.json()) as { error: string };
      assert.ok([400, 404].includes(answer.status), `${target}: ${answer.status}`);
      assert.doesNotMatch(error, /root:|ENOENT|EACCES|\n/);
    }
    const compact = await fetch(`${base}/api/admin/spool-compact/v1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: id }),
    });
    assert.ok([404, 422].includes(compact.status), id);
  }
});

const EVIL = [
  'a\r\nBcc: v@x.test',
  'a\rBcc: v@x.test',
  'a\nBcc: v@x.test',
  'a\r\n\r\nbody',
  'a\0b',
  'a\u2028Bcc: v@x.test',
  'a\u0085Bcc: v@x.test',
  '=?utf-8?q?a=0D=0ABcc:_v@x.test?=',
  '" <v@x.test>, "',
  'a\\',
  '例え <v@x.test>',
];

test('names, addresses and file names make no header line and no further address', async () => {
  const fields = (text: string): string[] => {
    const header = text.slice(0, text.indexOf('\r\n\r\n'));
    assert.doesNotMatch(header, /\r(?!\n)|(?<!\r)\n|\0/);
    return header.split('\r\n').filter((line) => !/^[ \t]/.test(line));
  };
  for (const evil of EVIL) {
    const mailbox = { email: 's@x.test', name: evil };
    const attachments = [{ data: 'x', content_type: 'text/plain', file_name: `../${evil}` }];
    for (const content of [
      { text_body: 'x', from: mailbox },
      { text_body: 'x', reply_to: mailbox },
      { text_body: 'x', headers: { 'X-A': evil } },
      { text_body: 'x', subject: evil },
      { text_body: 'x', attachments },
    ]) {
      for (const recipients of [[{ email: 'u@a.test', name: evil }], GOOD.recipients]) {
        const text = await print({ content, recipients });
        if (text.startsWith('no: ')) continue;
        const names = fields(text).map((line) => line.split(':', 1)[0]?.toLowerCase() ?? '');
        assert.equal(new Set(names).size, names.length, text);
        assert.ok(!names.includes('bcc'), text);
        const mailboxes = /^(?:from|reply-to|to):[\s\S]*?(?=\r\n\S)/gim;
        for (const [field] of text.slice(0, text.indexOf('\r\n\r\n') + 3).matchAll(mailboxes)) {
          const bare = field.replace(/"(?:[^"\\]|\\.)*"/g, '');
          assert.ok(!bare.includes('<v@x.test>') || evil.startsWith('=?'), field);
          assert.ok((bare.match(/</g) ?? []).length <= 1, field);
        }
      }
    }
  }
});

test('an address that is more than one is none', async () => {
  const bad = [
    'u@a.test\r\nBcc: v@x.test',
    'u@a.test,v@x.test',
    '<u@a.test>\0',
    'u@a.test v@x.test',
  ];
  for (const email of bad) {
    const { success_count, errors } = await place.inject({ ...GOOD, recipients: [{ email }] });
    assert.equal(success_count, 0, email);
    assert.doesNotMatch(errors[0] ?? '', /[\r\n\0]/);
    assert.match(await print({ content: { text_body: 'x', from: { email } } }), /^no: /);
    assert.match(await print({ envelope_sender: email }), /^no: /);
  }
});
