/**
 * What `POST /api/inject/v1` refuses, with which status and which words, and what it stops: bombs,
 * endless templates, templates that want all memory, line ends where they do not belong.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import type { InjectWorld } from './inject-world.ts';
import { openInjectWorld } from './inject-world.ts';

const LIMIT = 100_000;
let place: InjectWorld;

before(async () => {
  place = await openInjectWorld({ options: { request_body_limit: LIMIT } });
});
after(() => place.stop());

const GOOD = {
  envelope_sender: 's@x.test',
  recipients: [{ email: 'u@a.test' }],
  content: { subject: 'x', text_body: 'x' },
};

const withContent = (content: unknown, more = {}) => ({ ...GOOD, content, ...more });
const attachment = (more: Record<string, unknown>) => ({
  text_body: 'x',
  attachments: [{ data: 'x', content_type: 'text/plain', ...more }],
});

/** Status, the words, and the request; a text is posted as it is. */
const REFUSED: readonly (readonly [number, RegExp, unknown])[] = [
  [400, /^the body is not JSON: /, '{"a":'],
  [400, /^the body is not UTF-8$/, Uint8Array.from([0x22, 0xff, 0x22])],
  [422, /^the body must be a JSON object$/, '[]'],
  [422, /^envelope_sender: is missing$/, { recipients: [], content: 'x' }],
  [422, /^unknown key "colour"$/, { ...GOOD, colour: 1 }],
  [
    422,
    /^recipients\[0\]: unknown key "mail"$/,
    { ...GOOD, recipients: [{ email: 'a@b.c', mail: 1 }] },
  ],
  [422, /^recipients\[1\]\.email: is missing$/, { ...GOOD, recipients: [{ email: 'a@b.c' }, {}] }],
  [422, /^content: must be a text .* or an object/, withContent(7)],
  [422, /^content: unknown key "html"$/, withContent({ html: 'x' })],
  [422, /^content: needs text_body or html_body$/, withContent({ amp_html_body: 'x' })],
  [
    422,
    /^content\.from: unknown key "mail"$/,
    withContent({ text_body: 'x', from: { email: 'a@b.c', mail: 1 } }),
  ],
  [
    422,
    /^content\.from\.email: is not an address$/,
    withContent({ text_body: 'x', from: { email: 'a' } }),
  ],
  [
    422,
    /^content\.reply_to\.email: is not an address$/,
    withContent({ text_body: 'x', reply_to: { email: '' } }),
  ],
  [422, /^template_dialect: /, { ...GOOD, template_dialect: 'PHP' }],
  [422, /^trace_headers: unknown key "x"$/, { ...GOOD, trace_headers: { x: 1 } }],
  [422, /^trace_headers\.header_name: /, { ...GOOD, trace_headers: { header_name: 'a: b' } }],
  [422, /^envelope_sender: is not an address$/, { ...GOOD, envelope_sender: 'a\r\nb@c.d' }],
  [422, /^content\.text_body: syntax error/, withContent({ text_body: 'a {% if %}' })],
  [
    422,
    /^content\.headers\.X-A: syntax error/,
    withContent({ text_body: 'x', headers: { 'X-A': '{{' } }),
  ],
  [422, /^content: syntax error/, withContent('Subject: {{ a\n\nx')],
  [
    422,
    /^content\.html_body: Parse error/,
    withContent({ html_body: 'a {{#if}}' }, { template_dialect: 'Handlebars' }),
  ],
  [
    422,
    /^content\.text_body: You specified knownHelpersOnly/,
    withContent({ text_body: '{{log "x" 1}}' }, { template_dialect: 'Handlebars' }),
  ],
  [
    422,
    /^headers\.Subject: must not contain CR/,
    withContent({ text_body: 'x', subject: 'a\r\nBcc: b@c.d' }),
  ],
  [
    422,
    /^headers\.X-A: must not contain CR/,
    withContent({ text_body: 'x', headers: { 'X-A': 'a\0' } }),
  ],
  [
    422,
    /^content\.headers\.a b: is no name/,
    withContent({ text_body: 'x', headers: { 'a b': 'x' } }),
  ],
  [
    422,
    /^content\.headers\.a\r?\n?.*: is no name/s,
    withContent({ text_body: 'x', headers: { 'a\r\nb': 'x' } }),
  ],
  [
    422,
    /^content\.headers\.content-type: is made/,
    withContent({ text_body: 'x', headers: { 'content-type': 'x' } }),
  ],
  [
    422,
    /^content\.headers\.x-a: is also given as X-A/,
    withContent({ text_body: 'x', headers: { 'X-A': '1', 'x-a': '2' } }),
  ],
  [
    422,
    /content_type: is no media type/,
    withContent(attachment({ content_type: 'text/plain\r\nX: y' })),
  ],
  [
    422,
    /content_type: must not be multipart/,
    withContent(attachment({ content_type: 'multipart/mixed' })),
  ],
  [422, /content_id: is no content id/, withContent(attachment({ content_id: 'a\r\nX: y' }))],
  [422, /file_name: holds control/, withContent(attachment({ file_name: 'a\r\nX: y' }))],
  [
    422,
    /attachments\[0\]\.data: is not base64/,
    withContent(attachment({ data: 'a$b=', base64: true })),
  ],
  [422, /^content: line 1 is no header field$/, withContent('just text')],
  [422, /^content: line 3 exceeds 998 octets$/, withContent(`A: b\n\n${'x'.repeat(999)}`)],
  [422, /^text_body: must not contain NUL$/, withContent({ text_body: 'x\0y' })],
];

describe('refused as a whole', () => {
  for (const [status, words, body] of REFUSED) {
    test(`${status} ${words.source}`, async () => {
      const reply = await place.post(body);
      assert.match(reply.text, words);
      assert.equal(reply.status, status);
      assert.match(reply.headers.get('content-type') ?? '', /^text\/plain/);
    });
  }

  test('a value that is nested too deeply', async () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    const body = JSON.stringify({ ...GOOD, substitutions: { a: 0 } }).replace(
      '"a":0',
      `"a":${deep}`,
    );
    const { status, text } = await place.post(body);
    assert.equal(`${status} ${text}`, '422 substitutions: is nested deeper than 32 levels');
  });
});

describe('bodies', () => {
  const json = JSON.stringify(GOOD);

  test('gzip and deflate are undone', async () => {
    for (const [encoding, packed] of [
      ['gzip', gzipSync(json)],
      ['deflate', deflateSync(json)],
      ['identity', Buffer.from(json)],
    ] as const) {
      const { status, text } = await place.post(packed, { 'content-encoding': encoding });
      assert.equal(status, 200, text);
    }
  });

  test('another encoding, another type and none at all are 415', async () => {
    assert.equal((await place.post(json, { 'content-encoding': 'br' })).status, 415);
    assert.equal((await place.post(json, { 'content-type': 'text/plain' })).status, 415);
    assert.equal((await fetch(place.url, { method: 'POST' })).status, 415);
  });

  test('what is not what it says is 400', async () => {
    const of = (body: Uint8Array) => place.post(body, { 'content-encoding': 'gzip' });
    assert.equal((await of(Buffer.from(json))).status, 400);
    assert.equal((await of(gzipSync(json).subarray(0, 40))).status, 400);
  });

  test('a body over the limit is 413, and a bomb is not inflated', async () => {
    const reply = await place.post(`{"a":"${'x'.repeat(LIMIT)}"}`);
    assert.equal(reply.status, 413);
    assert.match(reply.text, /larger than request_body_limit, 100000 octets/);
    const before = process.memoryUsage().rss;
    const bomb = gzipSync(Buffer.alloc(400 * 1024 * 1024, 0x20), { level: 1 });
    assert.ok(bomb.length > 1_000_000);
    const bombs = await Promise.all(
      [1, 2, 3, 4].map(() => place.post(gzipSync(bomb), { 'content-encoding': 'gzip' })),
    );
    assert.ok(bombs.every(({ status }) => status === 413));
    const small = gzipSync(Buffer.alloc(20 * 1024 * 1024, 0x20));
    assert.ok(small.length < LIMIT);
    assert.equal((await place.post(small, { 'content-encoding': 'gzip' })).status, 413);
    assert.ok(process.memoryUsage().rss - before < 900 * 1024 * 1024);
  });

  test('nothing else is at its path', async () => {
    assert.equal((await fetch(place.url)).status, 404);
  });
});

describe('refused for one recipient', () => {
  const inject = (recipients: unknown[], content: unknown = GOOD.content, more = {}) =>
    place.inject({ recipients, content, ...more });

  test('the others get theirs, and the request is a success', async () => {
    const email = 'x'.repeat(400);
    const answer = await inject([{ email: 'a@a.test' }, { email }, { email: 'b\r\n@a.test' }]);
    assert.equal(answer.success_count, 1);
    assert.equal(answer.fail_count, 2);
    assert.deepEqual(answer.failed_recipients, [email.slice(0, 256), 'b??@a.test']);
    assert.deepEqual(answer.errors, [
      `${email.slice(0, 256)}: is not an address`,
      'b??@a.test: is not an address',
    ]);
  });

  test('line ends in names and values do not get into a header', async () => {
    const content = { text_body: 'x', subject: 'Hi {{ n }}' };
    const { errors } = await inject(
      [
        { email: 'a@a.test', name: 'x\r\nBcc: b@c.d' },
        { email: 'b@a.test', substitutions: { n: 'x\nBcc: b@c.d' } },
        { email: 'c@a.test', substitutions: { n: 'x'.repeat(2000) } },
      ],
      content,
    );
    assert.match(errors[0] ?? '', /^a@a\.test: recipient\.name: must not contain CR, LF or NUL$/);
    assert.match(errors[1] ?? '', /^b@a\.test: headers\.Subject: must not contain CR, LF or NUL$/);
    assert.match(errors[2] ?? '', /^c@a\.test: headers\.Subject: a line exceeds 998 octets$/);
  });

  test('a template that fails for it says which and why', async () => {
    const content = { text_body: '{{ a.b.c }}' };
    const { errors } = await inject(
      [{ email: 'a@a.test' }, { email: 'b@a.test', substitutions: { a: { b: { c: 1 } } } }],
      content,
    );
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? '', /^a@a\.test: text_body: undefined value/);
  });

  test('no recipients are none', async () => {
    const answer = await inject([]);
    assert.deepEqual(answer, {
      success_count: 0,
      fail_count: 0,
      failed_recipients: [],
      errors: [],
    });
  });
});

describe('templates that would not end', () => {
  const email = 'a@a.test';

  test('a loop in Jinja runs out of fuel', async () => {
    const loop = '{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}';
    const { errors } = await place.inject({
      recipients: [{ email }],
      content: { text_body: loop },
    });
    assert.match(errors[0] ?? '', /^a@a\.test: text_body: engine ran out of fuel/);
  });

  test('nested each in Handlebars are counted', async () => {
    const list = Array.from({ length: 1000 }, (_, at) => at);
    const { errors } = await place.inject({
      recipients: [{ email }],
      substitutions: { list },
      template_dialect: 'Handlebars',
      content: {
        text_body:
          '{{#each list}}{{#each ../list}}{{#each ../../list}}x{{/each}}{{/each}}{{/each}}',
      },
    });
    assert.match(errors[0] ?? '', /^a@a\.test: text_body: each goes round more than 100000 times/);
  });

  test('one that wants all memory is refused, and the next request is served', async () => {
    const text_body = "{{ ('a' * 100000000) * 100 }}";
    const reply = await place.post(withContent({ text_body }));
    assert.equal(reply.status, 422);
    assert.match(reply.text, /needs more memory/);
    assert.equal((await place.inject({ ...GOOD })).success_count, 1);
  });

  test('one that takes too long is broken off beside others that go on', async () => {
    const long = '{% for a in range(900) %}{% set x = ("b" * 20000000)|upper|length %}{% endfor %}';
    const slow = place.post(withContent({ text_body: long }));
    const recipients = Array.from({ length: 300 }, (_, at) => ({ email: `u${at}@a.test` }));
    const other = place.inject({ recipients, content: GOOD.content });
    const reply = await slow;
    assert.match(reply.text, /took longer than 10 s to render/);
    assert.equal(reply.status, 422);
    assert.equal((await other).success_count, 300);
  });
});
