/**
 * Templates with bad intentions: those that reach for files, prototypes or code see nothing of
 * them, and those that never end are refused in words while others are served. Deliberately unknown
 * here: what templates are good for (inject-messages).
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GOOD, print } from './inject-print.ts';
import type { InjectWorld } from './inject-world.ts';
import { openInjectWorld } from './inject-world.ts';

let place: InjectWorld;

before(async () => {
  place = await openInjectWorld();
});
after(() => place.stop());

/** Templates that reach out, and what must not be seen of them. */
const REACHING: Readonly<Record<'Jinja' | 'Handlebars', readonly string[]>> = {
  Jinja: [
    '{% include "/etc/passwd" %}',
    '{% extends "/etc/passwd" %}',
    '{% import "os" as os %}{{ os }}',
    '{% from "/etc/passwd" import x %}',
    "{{ ''.__class__.__mro__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    '{{ self.__init__.__globals__ }}',
    "{{ ''.constructor.constructor('return process')() }}",
    '{{ __proto__ }}{{ a.__proto__.polluted }}',
    '{{ env }}{{ process }}{{ require }}{{ globalThis }}',
  ],
  Handlebars: [
    '{{constructor}}',
    '{{constructor.constructor "return process"}}',
    '{{__proto__.polluted}}',
    '{{lookup this "constructor"}}',
    '{{lookup (lookup this "constructor") "constructor"}}',
    '{{#with (lookup this "__proto__")}}{{toString}}{{/with}}',
    '{{#with "s" as |string|}}{{#with string.sub.apply}}{{constructor}}{{/with}}{{/with}}',
    '{{__defineGetter__ "x"}}{{__lookupGetter__ "x"}}',
    '{{> /etc/passwd}}',
    '{{#> layout}}x{{/layout}}',
    '{{*decorator}}',
    '{{@root.constructor}}{{@data}}{{@partial-block}}',
    '{{log "x"}}{{helperMissing}}{{blockHelperMissing}}',
  ],
};

test('templates reach nothing but their values', async () => {
  for (const template_dialect of ['Jinja', 'Handlebars'] as const) {
    for (const text_body of REACHING[template_dialect]) {
      const text = await print({ template_dialect, content: { text_body } });
      const body = text.startsWith('no: ') ? '' : text.slice(text.indexOf('\r\n\r\n') + 4);
      assert.doesNotMatch(
        body,
        /root:|function|native code|\[object|uid=|process|PATH/i,
        text_body,
      );
    }
  }
  assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
});

const ENDLESS: Readonly<Record<'Jinja' | 'Handlebars', readonly string[]>> = {
  Jinja: [
    '{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}',
    '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
    "{{ 'x' * 1000000000 }}",
    "{% set x = 'x' * 100000 %}{{ x * 100000 }}",
    "{{ 'x'|center(1000000000) }}",
    "{{ 'x'.ljust(1000000000) }}",
    "{{ '%01000000000d'|format(1) }}",
    '{{ range(1000000000)|list|length }}',
    "{{ '('|replace('(', '((((((((((((((((') * 100000000 }}",
  ],
  Handlebars: [
    '{{#each l}}{{#each ../l}}{{#each ../../l}}x{{/each}}{{/each}}{{/each}}',
    '{{#each l}}{{#with ..}}{{#each l}}{{#each ../l}}{{../../x}}{{/each}}{{/each}}{{/with}}' +
      '{{/each}}',
  ],
};

test('templates that never end, or never end making text, are refused in words', async () => {
  const substitutions = { l: Array.from({ length: 1_000 }, (_, at) => at), x: 'x'.repeat(1_000) };
  for (const template_dialect of ['Jinja', 'Handlebars'] as const) {
    for (const text_body of ENDLESS[template_dialect]) {
      const request = { ...GOOD, template_dialect, substitutions, content: { text_body } };
      const from = performance.now();
      const { status, text } = await place.post(request);
      const said = `${text_body}: ${status} ${text.slice(0, 200)}`;
      assert.ok([200, 422].includes(status), said);
      if (status === 200)
        assert.equal((JSON.parse(text) as { fail_count: number }).fail_count, 1, said);
      assert.ok(performance.now() - from < 60_000, said);
    }
  }
  assert.equal((await place.inject(GOOD)).success_count, 1, 'the next request is served');
});
