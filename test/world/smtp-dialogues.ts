/**
 * SMTP dialogues as data: commands in any order, right or spoilt, said one by one or all at once,
 * with what each must be answered where that is known. The idea: what a policy does is written into
 * the names that a command uses, so a dialogue alone says what is meant.
 * Deliberately unknown here: sockets, and who answers.
 */
import fc from 'fast-check';

/** What a handler does with what it is asked about. */
export const DEEDS = ['ok', 'reject', 'throw', 'hang'] as const;
/** One of them. */
export type Deed = (typeof DEEDS)[number];

/** One thing that a client does. */
export type Step =
  | { readonly says: 'line'; readonly line: string; readonly end: string }
  | { readonly says: 'message'; readonly does: Deed; readonly text: string }
  | { readonly says: 'bytes'; readonly bytes: string }
  | { readonly says: 'tls' };

/** A dialogue: what is done, how it is cut, how it ends. */
export interface Dialogue {
  readonly steps: readonly Step[];
  /** Each step waits for its reply; else everything is sent at once, in pieces. */
  readonly isPatient: boolean;
  readonly cuts: readonly number[];
  readonly ending: 'quit' | 'end' | 'reset';
}

const deed = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Deed>('ok') },
  { weight: 2, arbitrary: fc.constant<Deed>('reject') },
  { weight: 1, arbitrary: fc.constantFrom<Deed>('throw', 'hang') },
);
const line = (text: fc.Arbitrary<string>, weight: number) => ({
  weight,
  arbitrary: text.map((said): Step => ({ says: 'line', line: said, end: '\r\n' })),
});
/** PLAIN (RFC 4616) of a right login and of a wrong one. */
export const LOGINS = ['ann\0ann\0sesame', '\0ann\0wrong'].map((text) =>
  Buffer.from(text).toString('base64'),
);

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r\n', '.', '..', 'X-A: b', '\r\n\r\n', 'ä', '250 2.0.0 OK ids='),
      fc.string({ maxLength: 20 }).map((one) => one.replace(/[\r\n\0]/g, '')),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));
const message = {
  weight: 4,
  arbitrary: fc.record({ does: deed, text }).map((one): Step => ({ says: 'message', ...one })),
};
const good = [
  line(
    deed.map((does) => `EHLO ${does}.test`),
    5,
  ),
  line(
    deed.map((does) => `HELO ${does}.test`),
    1,
  ),
  line(
    deed.map((does) => `MAIL FROM:<${does}@s.test>`),
    5,
  ),
  line(
    fc.tuple(deed, fc.constantFrom('a', 'b')).map(([does, at]) => `RCPT TO:<${does}@${at}.test>`),
    6,
  ),
  message,
  line(fc.constantFrom('RSET', 'NOOP', 'VRFY a', 'HELP', 'EXPN a', 'DATA'), 2),
  line(fc.constantFrom('AUTH PLAIN', 'AUTH LOGIN', ...LOGINS.map((one) => `AUTH PLAIN ${one}`)), 1),
  line(fc.constantFrom('BDAT 5', 'BDAT 0 LAST', 'XCLIENT ADDR=1.2.3.4', 'ETRN a', 'STARTTLS x'), 1),
  { weight: 1, arbitrary: fc.constant<Step>({ says: 'tls' }) },
];

/** Messages as most clients send them, so that many are accepted. */
const whole = fc
  .tuple(
    deed,
    fc.array(fc.tuple(deed, fc.constantFrom('a', 'b')), { minLength: 1, maxLength: 3 }),
    text,
  )
  .map(([does, to, body]): Step[] => [
    { says: 'line', line: 'EHLO ok.test', end: '\r\n' },
    { says: 'line', line: 'MAIL FROM:<ok@s.test>', end: '\r\n' },
    ...to.map(
      ([one, at]): Step => ({
        says: 'line',
        line: `RCPT TO:<${one}@${at}.test>`,
        end: '\r\n',
      }),
    ),
    { says: 'message', does, text: body },
  ]);
const step = fc.oneof(...good).map((one) => [one]);
const ordered = fc
  .array(fc.oneof({ weight: 3, arbitrary: step }, { weight: 2, arbitrary: whole }), {
    maxLength: 7,
  })
  .map((parts) => parts.flat());

const END = fc.constantFrom('\r\n', '\r\n', '\n', '\r', '\0\r\n', '\r\r\n', ' \r\n', '');
/** What no client means: bytes, lengths and line ends that are nobody's. */
const junk: fc.Arbitrary<Step> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }).map((bytes) => ({ says: 'bytes' as const, bytes })),
  fc
    .tuple(fc.constantFrom('A', 'MAIL FROM:<', '\xff', ' '), fc.integer({ min: 500, max: 70_000 }))
    .map(([one, count]) => ({ says: 'bytes' as const, bytes: one + 'x'.repeat(count) })),
  fc
    .tuple(
      fc.constantFrom(
        '\r\n.\r\n',
        '\n.\n',
        '\r.\r',
        '.\r\n',
        '\x16\x03\x01',
        '\xff\xf4\xff\xfd\x06',
      ),
    )
    .map(([bytes]) => ({ says: 'bytes' as const, bytes })),
);

/** Spoils a line: other letters, other ends, something left out or put in. */
const spoilt = (given: Step): fc.Arbitrary<Step> => {
  if (given.says !== 'line') return fc.constant(given);
  return fc
    .record({
      end: END,
      at: fc.nat(60),
      put: fc.constantFrom('', '\0', 'é', '<', '>', ' ', '\t', ':', '@'),
    })
    .map(({ end, at, put }) => ({
      ...given,
      end,
      line: given.line.slice(0, at) + put + given.line.slice(at + (put === '' ? 1 : 0)),
    }));
};
const wild = ordered.chain((steps) =>
  fc.tuple(
    ...steps.map((one) => fc.oneof({ weight: 3, arbitrary: fc.constant(one) }, spoilt(one), junk)),
  ),
);

/** Dialogues of one client. */
export const dialogue: fc.Arbitrary<Dialogue> = fc.boolean().chain((isPatient) =>
  fc.record({
    steps: isPatient ? ordered : (wild as fc.Arbitrary<Step[]>),
    isPatient: fc.constant(isPatient),
    cuts: fc.array(fc.nat(), { maxLength: 5 }),
    ending: fc.constantFrom('quit' as const, 'end' as const, 'reset' as const),
  }),
);

/** The lines of a message with dots stuffed, without the final one (RFC 5321 section 4.5.2). */
export const linesOf = ({ does, text: body }: Extract<Step, { says: 'message' }>): string =>
  `X-Do: ${does}\r\n\r\n${body}\r\n`.replace(/^\./gm, '..').replace(/\r?\n|\r/g, '\r\n');

const OUTCOMES: Readonly<Record<Deed, RegExp>> = {
  ok: /^2/,
  reject: /^550$/,
  throw: /^421$/,
  hang: /^451$/,
};
/** Refusals after which a session is closed, in any words. */
const REFUSALS_MAX = 10;

/** What a patient client must hear next, by what it has heard so far. */
export class Expectation {
  #isIntroduced = false;
  #hasSender = false;
  #recipients = 0;
  #refusals = 0;

  /** The reply that a line must get. */
  to(said: string): RegExp {
    const [verb = ''] = said.split(' ');
    const does = DEEDS.find((one) => new RegExp(`[ <]${one}[.@]`).test(said)) ?? 'ok';
    // A handler that is asked about the session and not about a message ends it.
    if (verb === 'EHLO' || verb === 'HELO') return does === 'hang' ? /^421$/ : OUTCOMES[does];
    if (verb === 'MAIL') return this.#isIntroduced && !this.#hasSender ? OUTCOMES[does] : /^503$/;
    if (verb === 'RCPT') return this.#hasSender ? OUTCOMES[does] : /^503$/;
    if (verb === 'DATA') return this.#recipients > 0 ? /^354$/ : /^503$/;
    if (verb === 'RSET' || verb === 'NOOP') return /^250$/;
    if (verb === 'QUIT') return /^221$/;
    if (verb === 'STARTTLS') return said === verb ? /^(220|503)$/ : /^5/;
    // Everything else is not offered, asks too much or is answered with a word of comfort.
    return verb === 'VRFY' || verb === 'HELP' ? /^2|^5/ : verb === 'AUTH' ? /^5|^235$|^334$/ : /^5/;
  }

  /** The reply to the final dot of a message. */
  toDot(does: Deed): RegExp {
    return OUTCOMES[does];
  }

  /** Takes note of a reply; true where it may be the last one for too many refusals. */
  heard(said: string, code: string): void {
    const [verb = ''] = said.split(' ');
    const isGood = /^[23]/.test(code);
    if (!isGood) this.#refusals += 1;
    if (verb === '.' && isGood) this.#refusals = 0;
    if (!isGood && verb !== '.') return;
    if (verb === 'MAIL') this.#hasSender = true;
    if (verb === 'RCPT') this.#recipients += 1;
    if (verb === 'EHLO' || verb === 'HELO') this.#isIntroduced = true;
    if (verb === 'STARTTLS') this.#isIntroduced = false;
    if (['EHLO', 'HELO', 'RSET', '.', 'STARTTLS'].includes(verb)) {
      this.#hasSender = false;
      this.#recipients = 0;
    }
  }

  /** True once a 421 may come at any time. */
  get isTired(): boolean {
    return this.#refusals >= REFUSALS_MAX - 1;
  }
}
