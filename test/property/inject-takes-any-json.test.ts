/**
 * Law: whatever JSON is posted to be injected, nothing but what is meant comes back: 200, 400, 413,
 * 415 or 422; a 200 accounts for each recipient once, and the log has exactly the messages it
 * counts. The one idea: requests that are nearly right, with any part of them replaced by anything.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { InjectAnswer } from '../../src/intake/inject/injecting.ts';
import type { InjectWorld } from '../examples/inject-world.ts';
import { openInjectWorld } from '../examples/inject-world.ts';
import { assertLaw } from '../world/law.ts';

const MEANT = new Set([200, 400, 413, 415, 422]);
let place: InjectWorld;

before(async () => {
  place = await openInjectWorld({ options: { request_body_limit: 200_000 } });
});
after(() => place.stop());

const nasty = fc.constantFrom('\r\n', '\0', '{{', '}}', '{% if %}', '{{ n }}', '{{#each', '<', '"');
const text = fc
  .array(fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 5 })
  .map((parts) => parts.join(''));
const email = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 99 }).map((n) => `u${n}@a.test`) },
  text,
);
const values = fc.dictionary(
  fc.oneof(fc.constantFrom('n', 'email', '__proto__'), text),
  fc.jsonValue(),
);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const address = fc.record({ email, name: optional(text) });

const builder = fc.record({
  text_body: optional(text),
  html_body: optional(text),
  amp_html_body: optional(text),
  subject: optional(text),
  from: optional(address),
  reply_to: optional(address),
  headers: optional(fc.dictionary(fc.oneof(fc.constantFrom('X-A', 'To', 'Date'), text), text)),
  attachments: optional(
    fc.array(
      fc.record({
        data: text,
        content_type: fc.oneof(fc.constantFrom('text/plain', 'message/rfc822'), text),
        content_id: optional(text),
        file_name: optional(text),
        base64: optional(fc.boolean()),
      }),
      { maxLength: 2 },
    ),
  ),
});

const whole = text.map((body) => `Subject: {{ n }}\nX-B: ${body}`);

const request = fc.record({
  envelope_sender: fc.oneof(fc.constantFrom('', 's@x.test'), text),
  recipients: fc.array(
    fc.record({
      email,
      name: optional(text),
      substitutions: optional(values),
      metadata: optional(values),
    }),
    { maxLength: 5 },
  ),
  content: fc.oneof(builder, whole, text),
  substitutions: optional(values),
  template_dialect: optional(fc.constantFrom('Jinja', 'Static', 'Handlebars')),
  trace_headers: optional(
    fc.record({
      received_header: fc.boolean(),
      include_meta_names: fc.array(text, { maxLength: 2 }),
    }),
  ),
});

/** Replaces one value somewhere in `whole`, found by going down along `steps`. */
function spoil(given: unknown, steps: readonly number[], by: unknown): unknown {
  const [step = 0, ...rest] = steps;
  if (typeof given !== 'object' || given === null || steps.length === 0) return by;
  const keys = Object.keys(given);
  const key = keys[step % Math.max(1, keys.length)];
  if (key === undefined) return by;
  const inner = spoil((given as Record<string, unknown>)[key], rest, by);
  if (Array.isArray(given)) return given.map((each, at) => (String(at) === key ? inner : each));
  return { ...given, [key]: inner };
}

const posted = fc.oneof(
  { weight: 5, arbitrary: request as fc.Arbitrary<unknown> },
  {
    weight: 4,
    arbitrary: fc
      .tuple(request, fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }), fc.jsonValue())
      .map(([good, steps, by]) => spoil(good, steps, by)),
  },
  { weight: 1, arbitrary: fc.jsonValue() },
);

let made = 0;
const count = (): number =>
  place.world.witness.records.filter(({ type }) => type === 'message.accepted').length;

test('any JSON is taken, or refused with what is meant', async () => {
  const law = fc.asyncProperty(posted, async (body) => {
    const bytes = Buffer.from(JSON.stringify(body));
    const reply = await place.post(bytes);
    assert.ok(MEANT.has(reply.status), `${reply.status} ${reply.text}`);
    if (reply.status !== 200) {
      assert.ok(reply.text.length > 0 && reply.text.length < 1000 && !/[\r\n\0]/.test(reply.text));
      return;
    }
    const answer = JSON.parse(reply.text) as InjectAnswer;
    const { recipients } = body as { recipients: unknown[] };
    assert.equal(answer.success_count + answer.fail_count, recipients.length);
    assert.equal(answer.failed_recipients.length, answer.fail_count);
    assert.equal(answer.errors.length, answer.fail_count);
    made += answer.success_count;
    assert.equal(count(), made);
  });
  await assertLaw(law, 1, () => made > 0);
});
