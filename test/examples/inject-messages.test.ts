/**
 * What comes out of `POST /api/inject/v1`: forms of content, dialects, substitutions, attachments,
 * trace headers, metadata. Over real sockets, with the exchangers of a simulated world at the end.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { InjectAnswer } from '../../src/intake/inject/injecting.ts';
import type { InjectWorld } from './inject-world.ts';
import { bodyOf, fieldsOf, openInjectWorld } from './inject-world.ts';

const CAPTURE = { meta: ['*'], headers: ['Subject'] };
let place: InjectWorld;
let seen = 0;

before(async () => {
  place = await openInjectWorld({ world: { capture: CAPTURE } });
});
beforeEach(async () => {
  seen = (await place.copies(0)).length;
});
after(() => place.stop());

/** Injects, and gives back what came out since this test began. */
async function made(request: Record<string, unknown>, count = 1): Promise<readonly string[]> {
  const answer = await place.inject(request);
  assert.deepEqual(answer.errors, []);
  assert.equal(answer.success_count, count);
  return (await place.copies(seen + count)).slice(seen);
}

const fieldOf = (message: string, name: string): string | undefined =>
  fieldsOf(message).find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}: `));

const TO = [{ email: 'u@a.test' }];

describe('content in parts', () => {
  test('is filled in for each recipient, who gets a message of its own', async () => {
    const both = await made(
      {
        recipients: [
          { email: 'ann@a.test', name: 'Ann & Bob', substitutions: { code: '<1>' } },
          { email: 'bob@a.test', substitutions: { code: 'two', shop: 'Own' } },
        ],
        substitutions: { shop: 'Shop' },
        content: {
          from: { email: 'news@x.test', name: '{{ shop }} news' },
          subject: 'Hello {{ name }}: {{ code }}',
          text_body: '{{ shop }}: {{ code }} for {{ email }}\n',
          html_body: '<p>{{ shop }}: {{ code }} for {{ name }}</p>\n',
          headers: { 'X-Code': 'c={{ code }}' },
        },
      },
      2,
    );
    const [ann = '', bob = ''] = [...both].sort((a) => (a.includes('ann@a.test') ? -1 : 1));
    assert.equal(fieldOf(ann, 'Subject'), 'Subject: Hello Ann & Bob: <1>');
    assert.equal(fieldOf(ann, 'To'), 'To: "Ann & Bob" <ann@a.test>');
    assert.equal(fieldOf(ann, 'From'), 'From: Shop news <news@x.test>');
    assert.equal(fieldOf(ann, 'X-Code'), 'X-Code: c=<1>');
    assert.match(bodyOf(ann), /Shop: <1> for ann@a\.test\r\n/);
    assert.match(bodyOf(ann), /<p>Shop: &lt;1&gt; for Ann &amp; Bob<\/p>\r\n/);
    assert.equal(fieldOf(bob, 'To'), 'To: bob@a.test');
    assert.match(bodyOf(bob), /Own: two for bob@a\.test/);
    assert.equal(fieldsOf(bob).filter((line) => /^mime-version: 1\.0$/i.test(line)).length, 1);
    assert.match(fieldOf(bob, 'Date') ?? '', /^Date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000$/);
    assert.equal(fieldOf(bob, 'Message-ID'), undefined);
    assert.equal(fieldOf(bob, 'Received'), undefined);
  });

  test('orders text, AMP and HTML, with inline parts around and attachments outside', async () => {
    const [message = ''] = await made({
      recipients: TO,
      content: {
        subject: 'parts',
        text_body: 'text',
        amp_html_body: '<html amp4email></html>',
        html_body: '<img src="cid:logo">',
        attachments: [
          { data: 'iVBORw0K', content_type: 'image/png', content_id: 'logo', base64: true },
          { data: 'a,b\n', content_type: 'text/csv', file_name: 'tablé.csv' },
        ],
      },
    });
    const types = [...message.matchAll(/^Content-Type: ([^;\r]+)/gim)].map(([, type]) => type);
    assert.deepEqual(types, [
      'multipart/mixed',
      'multipart/related',
      'multipart/alternative',
      'text/plain',
      'text/x-amp-html',
      'text/html',
      'image/png',
      'text/csv',
    ]);
    assert.match(message, /Content-ID: <logo>/i);
    assert.match(message, /Content-Disposition: inline/);
    assert.match(message, /iVBORw0K\r\n/);
    assert.match(message, /filename\*0\*=utf-8''tabl%C3%A9\.csv/);
    assert.match(message, /YSxiCg==\r\n/);
    const bounds = [...message.matchAll(/boundary="([^"]+)"/g)].map(([, bound]) => bound as string);
    assert.equal(bounds.length, 3);
    for (const bound of bounds) assert.ok(message.includes(`\r\n--${bound}--\r\n`), bound);
  });

  test('encodes what is not ASCII, and long lines', async () => {
    const html = `<p>Grüße</p>\n${'y'.repeat(1500)}\n`;
    const [message = ''] = await made({
      recipients: [{ email: 'u@a.test', name: 'Jürgen' }],
      content: { subject: 'Grüße {{ email }}', html_body: html, text_body: '日本語のテキスト' },
    });
    assert.ok(message.split('\r\n').every((line) => line.length <= 998));
    assert.match(fieldOf(message, 'Subject') ?? '', /^Subject: =\?UTF-8\?Q\?Gr=C3=BC/);
    assert.match(fieldOf(message, 'To') ?? '', /^To: =\?UTF-8\?[BQ]\?.+\?= <u@a\.test>$/);
    assert.match(message, /<p>Gr=C3=BC=C3=9Fe<\/p>\r\n/);
    assert.ok(message.includes(Buffer.from('日本語のテキスト\r\n').toString('base64')));
  });

  test('a To header that is given stands in place of ours', async () => {
    const content = { text_body: 'x', headers: { to: 'list@x.test, {{ to_header }}' } };
    const [message = ''] = await made({ recipients: TO, content });
    assert.deepEqual(
      fieldsOf(message).filter((line) => /^to:/i.test(line)),
      ['to: list@x.test, u@a.test'],
    );
  });

  test('a substitution may hide email, name and to_header, and none is compiled', async () => {
    const substitutions = { email: 'other', evil: '{{ 7 * 7 }}{% for x in y %}' };
    const content = { text_body: '{{ email }} {{ evil }}' };
    const [message = ''] = await made({
      recipients: [{ email: 'u@a.test', substitutions }],
      content,
    });
    assert.match(bodyOf(message), /^other \{\{ 7 \* 7 \}\}\{% for x in y %\}\r\n$/);
  });
});

describe('a whole message', () => {
  const whole = 'Subject: Hi {{ n }}\nX-Own:  kept   as is\n\nDear {{ n }},\nbye\n';

  test('keeps its bytes, gets CRLF and a MIME-Version', async () => {
    const recipients = [{ email: 'u@a.test', substitutions: { n: 'Ann' } }];
    const [message = ''] = await made({ recipients, content: whole });
    const own = message.slice(message.indexOf('Subject:'));
    assert.equal(
      own,
      'Subject: Hi Ann\r\nX-Own:  kept   as is\r\nMIME-Version: 1.0\r\n\r\nDear Ann,\r\nbye\r\n',
    );
  });

  test('a line end in a value is good in the body and refused in the header', async () => {
    const of = (n: string, email: string) => ({ email, substitutions: { n } });
    const inBody = { recipients: [of('Ann\nBob', 'u@a.test')], content: 'Subject: x\n\n{{ n }}\n' };
    assert.match(bodyOf((await made(inBody))[0] ?? ''), /^Ann\r\nBob\r\n$/);
    const recipients = [of('Ann', 'a@a.test'), of('x\r\nBcc: v@x.test', 'b@a.test')];
    const answer = await place.inject({ recipients, content: whole });
    assert.equal(answer.success_count, 1);
    assert.deepEqual(answer.failed_recipients, ['b@a.test']);
    await place.copies(seen + 2);
    assert.match(answer.errors[0] ?? '', /^b@a\.test: content: a substitution brings CR, LF/);
  });

  test('of which all is fixed is the same for everybody', async () => {
    const recipients = [{ email: 'a@a.test' }, { email: 'b@a.test' }];
    const both = await made(
      { recipients, content: 'Subject: x\n\nfixed', template_dialect: 'Static' },
      2,
    );
    assert.ok(both.every((message) => bodyOf(message) === 'fixed\r\n'));
  });
});

describe('dialects', () => {
  const filled = async (template_dialect: string, text_body: string, substitutions = {}) => {
    const content = { text_body };
    const request = { recipients: TO, content, template_dialect, substitutions };
    return bodyOf((await made(request))[0] ?? '').trim();
  };

  test('Static fills in nothing', async () => {
    assert.equal(await filled('Static', '{{ a }} {% b %}'), '{{ a }} {% b %}');
  });

  test('Jinja has loops, filters and methods of Python', async () => {
    const source = '{% for x in list %}{{ loop.index }}{{ x.upper() }}{% endfor %}|{{ nothing }}|';
    assert.equal(await filled('Jinja', source, { list: ['a', 'b'] }), '1A2B||');
  });

  test('Jinja makes URLs as MiniJinja does: nothing of nothing, queries of tables', async () => {
    const filter = (name: string): string => `{{ ${name}|urlencode }}`;
    const source = ['text', 'nothing', 'empty', 'yes', 'table'].map(filter).join('|');
    const values = {
      text: "é/a b~!*()'.-_",
      empty: null,
      yes: true,
      table: { 'a b': 'x&y', c: null, d: 1 },
    };
    const made = '%C3%A9/a%20b%7E%21%2A%28%29%27.-_|||true|a%20b=x%26y&d=1';
    assert.equal(await filled('Jinja', source, values), made);
  });

  test('Handlebars looks names up in outer blocks, has raw ones, hides prototypes', async () => {
    const values = { shop: 'S', list: [{ n: 1 }, { n: 2 }], o: { p: 'q' } };
    const source =
      '{{#each list}}{{n}}{{shop}} {{/each}}{{{{raw}}}}{{x}}{{{{/raw}}}} {{o.p}}' +
      '{{o.constructor}}{{o.__proto__}}{{o.toString}}{{lookup o "constructor"}}';
    assert.equal(await filled('Handlebars', source, values), '1S 2S {{x}} q');
  });
});

describe('around the message', () => {
  test('the reference header names recipient and chosen metadata, in front of all', async () => {
    const [message = ''] = await made({
      recipients: [{ email: 'u@a.test', metadata: { order: 7 } }],
      content: { text_body: 'x' },
      trace_headers: { received_header: true, include_meta_names: ['extra', 'received_from'] },
    });
    assert.match(message, /^X-KumoRef: /);
    const code = (fieldOf(message, 'X-KumoRef') ?? '').slice('X-KumoRef: '.length);
    assert.deepEqual(JSON.parse(Buffer.from(code.replace(/\s/g, ''), 'base64').toString()), {
      '_@_': '\\_/',
      recipient: 'u@a.test',
      extra: { order: 7 },
      received_from: '127.0.0.1',
    });
    assert.match(
      fieldOf(message, 'Received') ?? '',
      /^Received: from x\.test \(\[127\.0\.0\.1\]\)\tby h\.test with HTTP id \w{32}\tfor <u@/,
    );
  });

  test('can be switched off', async () => {
    const trace_headers = { supplemental_header: false };
    const [message = ''] = await made({
      recipients: TO,
      content: { text_body: 'x' },
      trace_headers,
    });
    assert.ok(message.startsWith('Date: '));
  });

  test('a record says how it came, and its metadata', async () => {
    const recipients = [{ email: 'rec@a.test', metadata: { order: 7 } }];
    await made({ recipients, content: { subject: 'rec', text_body: 'x' } });
    const record = place.records('Reception').find(({ recipient }) => recipient === 'rec@a.test');
    assert.equal(record?.reception_protocol, 'HTTP');
    const { received_via, ...meta } = record.meta;
    assert.equal(received_via, '127.0.0.1');
    assert.deepEqual(meta, {
      reception_protocol: 'HTTP',
      received_from: '127.0.0.1',
      http_auth: '127.0.0.1',
      hostname: 'h.test',
      extra: { order: 7 },
    });
    assert.deepEqual(record.headers, { Subject: 'rec' });
  });
});

test('ids are answered where they are asked for, and are those of the log', async () => {
  const ask = async (query: string): Promise<InjectAnswer> => {
    const answer = await fetch(`${place.url}${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        envelope_sender: 's@x.test',
        recipients: [{ email: 'ann@a.test' }, { email: 'bob@a.test' }, { email: 'no address' }],
        content: { text_body: 'x', from: { email: 's@x.test' } },
      }),
    });
    assert.equal(answer.status, 200);
    return (await answer.json()) as InjectAnswer;
  };
  const { ids = [], fail_count } = await ask('?ids=true');
  assert.equal(fail_count, 1);
  assert.deepEqual(
    ids.map(({ recipient }) => recipient),
    ['ann@a.test', 'bob@a.test'],
  );
  const { records } = place.world.witness;
  for (const { recipient, id } of ids) {
    const accepted = records.find(
      ({ type, stream }) => type === 'message.accepted' && stream === id,
    );
    assert.deepEqual((JSON.parse(accepted?.body ?? '') as { to: unknown }).to, [recipient]);
  }
  assert.equal('ids' in (await ask('')), false);
  assert.equal('ids' in (await ask('?ids=false')), false);
  const wrong = await fetch(`${place.url}?ids=maybe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  assert.equal(wrong.status, 400);
  assert.match(await wrong.text(), /^POST \/api\/inject\/v1: .*ids/);
});
