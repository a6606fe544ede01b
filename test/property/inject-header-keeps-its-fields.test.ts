/**
 * Law: no value of a substitution, no name, no address changes which fields the header of an
 * injected message has, and none is ever run as a template. The one idea: the same request is
 * rendered with values that mean no harm, and the names of its fields are compared.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Printed } from '../../src/intake/inject/press.ts';
import { openPress } from '../../src/intake/inject/press.ts';
import { assertLaw } from '../world/law.ts';

const nasty = fc.constantFrom(
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\0',
  '\u2028',
  'X: y',
  '\r\nBcc: v@x.test',
  '{{ 30011 * 3 }}',
  '{{a}}{% if 1 %}',
  '"',
  '<',
  '>',
  ',',
  '=?utf-8?q?=0D=0A?=',
  ':',
);
const text = fc
  .array(fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 6 }), fc.string()), {
    maxLength: 6,
  })
  .map((parts) => parts.join(''));

const CONTENTS = {
  builder: {
    from: { email: 's@x.test', name: '{{ a }}' },
    subject: 'Hi {{ a }}',
    headers: {
      'X-A': '{{ a }}',
      'X-B': 'b {{ b }} b',
      'List-Id': '<{{ b }}>',
      References: '{{ a }}',
    },
    text_body: 'T {{ a }}{{ b }}',
    html_body: '<p>{{ a }}</p>',
    attachments: [{ data: 'x', content_type: 'text/plain', file_name: 'a.txt' }],
  },
  whole: 'Subject: Hi {{ a }}\nX-A: {{ b }}\nTo: {{ to_header }}\n\nT {{ a }}\n{{ b }}\n',
} as const;

async function render(request: object): Promise<Printed> {
  const press = await openPress(Buffer.from(JSON.stringify(request)));
  try {
    return press.print(0, 0, () => 0)[0] as Printed;
  } finally {
    press.free();
  }
}

const textOf = (printed: Printed): string => {
  assert.ok('bytes' in printed, 'why' in printed ? printed.why : '');
  return Buffer.from(printed.bytes).toString('latin1');
};

/** Names of the fields; fails where a line is none and goes on with none. */
function namesOf(message: string): string[] {
  const header = message.slice(0, message.indexOf('\r\n\r\n'));
  assert.doesNotMatch(header, /\r(?!\n)|(?<!\r)\n|\0/);
  const lines = header.split('\r\n').filter((line) => !/^[ \t]/.test(line));
  return lines.map((line) => {
    const name = /^([!-9;-~]+):/.exec(line)?.[1];
    assert.ok(name !== undefined, line);
    return name;
  });
}

let rendered = 0;

for (const form of ['builder', 'whole'] as const) {
  for (const template_dialect of ['Jinja', 'Handlebars'] as const) {
    test(`the header of a message keeps its fields: ${form}, ${template_dialect}`, async () => {
      const base = { envelope_sender: '', content: CONTENTS[form], template_dialect };
      const good = { email: 'u@a.test', name: 'n', substitutions: { a: 'a', b: 'b' } };
      const wanted = namesOf(textOf(await render({ ...base, recipients: [good] })));
      rendered = 0;
      const law = fc.asyncProperty(text, text, text, fc.boolean(), async (a, b, name, isShared) => {
        const own = isShared ? { substitutions: { b } } : { substitutions: { a, b } };
        const request = { ...base, recipients: [{ email: 'u@a.test', name, ...own }] };
        const printed = await render({ ...request, ...(isShared ? { substitutions: { a } } : {}) });
        if (!('bytes' in printed)) return;
        rendered += 1;
        const message = textOf(printed);
        assert.deepEqual(namesOf(message), wanted);
        assert.ok(!message.includes('90033'), 'a value was run as a template');
      });
      await assertLaw(law, 0.25, () => rendered > 20);
    });
  }
}
