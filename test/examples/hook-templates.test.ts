/**
 * Stories about templates of log records: what they see, and what becomes of mistakes in them.
 * Deliberately unknown here: hooks, files.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OutgoingRecord } from '../../src/ports/sink.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import type { Rendered } from '../../src/projections/templates.ts';
import { compileTemplates, TemplateError } from '../../src/projections/templates.ts';
import { unwritten, withoutUnwritten } from '../../src/projections/unwritten.ts';
import { record } from './hook-record.ts';

const fill = async (source: string, over: Partial<LogRecord> = {}): Promise<Rendered> => {
  const templates = await compileTemplates(new Map([['Delivery', source]]));
  const rendered = templates.render(record(over));
  templates.free();
  return rendered;
};
const text = async (source: string, over?: Partial<LogRecord>): Promise<string> => {
  const rendered = await fill(source, over);
  return 'text' in rendered ? rendered.text : assert.fail(rendered.fault);
};

describe('a template', () => {
  it('sees every field of the record, and log_record, which is all of it', async () => {
    assert.equal(await text('{{ type }} {{ response.code }}'), 'Delivery 250');
    assert.equal(await text('{{ meta.tenant }}', { meta: { tenant: 'acme' } }), 'acme');
    assert.deepEqual(JSON.parse(await text('{{ log_record | tojson }}')), record());
  });

  it('speaks Jinja', async () => {
    const source =
      '{% for to in recipient %}{{ loop.index }}:{{ to | upper }}{% if not loop.last %}, ' +
      '{% endif %}{% endfor %}{# nothing #}';
    const recipient = ['a@x.test', 'b@x.test'];
    assert.equal(await text(source, { recipient }), '1:A@X.TEST, 2:B@X.TEST');
  });

  it('leaves markup as it is, prints nothing for what is not there, ends in no line', async () => {
    assert.equal(await text('{{ response.content }}'), 'ok <1>');
    assert.equal(await text('[{{ tls_cipher }}]'), '[]');
    assert.equal(await text('{{ size }}\n'), '1234');
  });

  it('that cannot be compiled is refused with its type and one line', async () => {
    const sources = new Map([['Bounce' as const, '{{ id ']]);
    await assert.rejects(compileTemplates(sources), (error) => {
      assert.ok(error instanceof TemplateError);
      assert.equal(error.recordType, 'Bounce');
      assert.match(error.problem, /^syntax error: unexpected end of input.*\(in Bounce:1\)$/);
      return true;
    });
  });

  it('that fails for a record says why, and goes on with the next', async () => {
    const templates = await compileTemplates(new Map([['Delivery', '{{ size // (size - 1) }}']]));
    const rendered = templates.render(record({ size: 1 }));
    assert.match('fault' in rendered ? rendered.fault : '', /^the template for Delivery failed: /);
    assert.deepEqual(templates.render(record({ size: 2 })), { text: '2' });
    assert.ok(templates.has('Delivery') && !templates.has('Bounce'));
    templates.free();
  });

  it('that never ends is stopped', async () => {
    const turns = '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}';
    const rendered = await fill(turns);
    assert.match('fault' in rendered ? rendered.fault : '', /fuel/);
    assert.match(await text('{{ id }}'), /^0123/);
  });

  it('is not looked for where there is none', async () => {
    const templates = await compileTemplates(new Map());
    assert.equal(templates.has('Delivery'), false);
    assert.ok('fault' in templates.render(record()));
  });
});

describe('a record that a template failed for', () => {
  const outgoing = (position: number, text: string): OutgoingRecord => ({
    eventId: `${position}.0`,
    position,
    record: record(),
    text,
    isReplay: false,
  });
  const { signal } = new AbortController();

  it('is refused in its place, and the others are sent', async () => {
    const sent: string[][] = [];
    const sink = withoutUnwritten({
      async send(batch) {
        sent.push(batch.map(({ eventId }) => eventId));
        return { kind: 'settled', refused: [{ index: 1, reason: 'not wanted' }] };
      },
      close: async () => {},
    });
    const batch = [
      outgoing(1, 'a'),
      outgoing(2, unwritten('it divides by zero')),
      outgoing(3, 'b'),
      outgoing(4, unwritten('it never ends')),
    ];
    assert.deepEqual(await sink.send(batch, signal), {
      kind: 'settled',
      refused: [
        { index: 1, reason: 'it divides by zero' },
        { index: 2, reason: 'not wanted' },
        { index: 3, reason: 'it never ends' },
      ],
    });
    assert.deepEqual(sent, [['1.0', '3.0']]);
    const alone = await sink.send(batch.slice(1, 2), signal);
    assert.deepEqual(alone, {
      kind: 'settled',
      refused: [{ index: 0, reason: 'it divides by zero' }],
    });
    assert.equal(sent.length, 1, 'nobody is bothered for nothing');
  });

  it('waits with its batch where that fails', async () => {
    const failed = { kind: 'failed', reason: 'away', retryAfterMs: 5 } as const;
    const sink = withoutUnwritten({ send: async () => failed, close: async () => {} });
    const batch = [outgoing(1, 'a'), outgoing(2, unwritten('no'))];
    assert.deepEqual(await sink.send(batch, signal), failed);
  });
});
