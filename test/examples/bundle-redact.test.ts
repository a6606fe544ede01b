/**
 * What leaves the machine in an incident file: names of queues and hosts, and of people and secrets
 * only tokens, however they are written. Deliberately unknown here: files and logs.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Redactor } from '../../src/forensics/bundle-redact.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';

describe('redaction', () => {
  const record = (type: string, body: object): StoredRecord => ({
    ...{ position: 1, turn: 1, at: 1, stream: 's', type, version: 1 },
    body: JSON.stringify(body),
  });
  const redact = (type: string, body: object): Record<string, unknown> =>
    JSON.parse(new Redactor(Buffer.alloc(32)).record(record(type, body)).body);

  it('keeps names of queues and hosts, and gives the same text the same token', () => {
    const rebound = redact('message.rebound', { from: 'ann@x.test', queue: 'bob@x.test', due: 1 });
    assert.deepEqual([rebound['from'], rebound['queue']], ['ann@x.test', 'bob@x.test']);
    const { from, to, queue } = redact('message.accepted', {
      ...{ queue: 'ann@x.test', from: 'ann@y.test', to: ['ann@x.test', 'postmaster'] },
    }) as { from: string; to: string[]; queue: string };
    assert.equal(queue, 'ann@x.test');
    assert.equal(from.split('@')[0], to[0]?.split('@')[0]);
    assert.match(from, /^r-[0-9a-f]{12}@y\.test$/);
    assert.match(to[1] ?? '', /^r-[0-9a-f]{12}$/);
  });

  it('takes addresses out of replies, contents out of headers, secrets out of policies', () => {
    const reply = redact('message.deferred', { text: '<ann@x.test>: try mx1.x.test later' });
    assert.match(String(reply['text']), /^<r-[0-9a-f]{12}@x\.test>: try mx1\.x\.test later$/);
    const { headers } = redact('message.accepted', {
      headers: { Subject: 'our merger', X: ['a'] },
    });
    assert.match(
      JSON.stringify(headers),
      /^\{"Subject":"c-[0-9a-f]{12}","X":\["c-[0-9a-f]{12}"\]\}$/,
    );
    const hidden = new Redactor().policy(
      `{ "smtp_auth_plain_password": "pa'ss", url: 'https://u:pw1@h/', n: 1 }`,
    );
    assert.ok(!/pa'|'ss|pw1/.test(hidden), hidden);
    assert.match(hidden, /n: 1/);
  });

  it('finds an address however it is written, and its owner’s name in what a peer says', () => {
    const locals = [
      '"john smith"',
      '"a\\"b@c"',
      "o'brien",
      'bounce+bob=example.com',
      'x/y{z}|w',
      'jörg',
      'ann.lee',
    ];
    for (const local of locals) {
      const to = [`${local}@x_1.test`];
      const command = `RCPT TO:<${to[0]}>\r\n`;
      const bare = local.replace(/^"|"$/g, '');
      const text = `no user ${bare.toUpperCase()} here; (rfc822;${to[0]}) '${to[0]}'`;
      const shown = JSON.stringify(redact('message.bounced', { to, command, text }));
      for (const name of new Set(bare.split(/[^\p{L}]+/u))) {
        if (name.length > 2 && name !== 'com' && name !== 'example')
          assert.ok(!shown.toLowerCase().includes(name), `${name} in ${shown}`);
      }
      assert.match(shown, /RCPT TO:<r-[0-9a-f]{12}@x_1\.test>/);
      if (!bare.includes('@')) assert.match(shown, /no user r-[0-9a-f]{12} here/);
    }
    const from = redact('message.accepted', {
      from: 'ann@x.test',
      text: 'ORCPT=rfc822;ann+40x.test',
    });
    assert.match(String(from['text']), /^ORCPT=rfc822;r-[0-9a-f]{12}\+40x\.test$/);
    assert.equal(redact('message.deferred', { text: 'annual mail' })['text'], 'annual mail');
  });

  it('finds secrets by names that people give them, to the end of their text', () => {
    const secrets = [
      `secretAccessKey: 'S3KR1T'`,
      `"X-Api-Key": "S3KR1T"`,
      `client_secret_v2 = "S3KR1T"`,
      `passphrase: \`S3KR1T\``,
      `password: 'it\\'s S3KR1T'`,
      `headers: ['Authorization: S3KR1T']`,
      `say('Bearer S3KR1T.abc')`,
      `url: 'https://h/hook?api_key=S3KR1T&n=1'`,
      `dsn: 'host=h;password=S3KR1T;n=1'`,
      `pass: 'S3KR1T'`,
    ];
    for (const text of secrets) {
      const hidden = new Redactor().policy(`{ ${text}, kept: 'yes' }`);
      assert.ok(!hidden.includes('S3KR1T'), hidden);
      assert.match(hidden, /kept: 'yes'/, hidden);
      const inside = new Redactor().value({ sourcesContent: [text], password: 'S3KR1T' });
      assert.ok(!JSON.stringify(inside).includes('S3KR1T'), JSON.stringify(inside));
    }
    const code = 'const password = process.env.X; token: read(token), bypass: "no"';
    assert.equal(new Redactor().policy(code), code);
  });
});
