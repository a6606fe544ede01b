/**
 * Takes secrets out of what is told: a peer may repeat what it was sent, and a reason ends up in
 * logs and files. The one idea: the secrets are known, so they are looked for, not guessed.
 * Deliberately unknown here: whose secrets they are.
 */

/** Shorter ones are left: a word like `a` would be found everywhere. */
const SECRET_CHARS_MIN = 4;
const SHOWN = '***';

/** Makes what replaces every known secret, also as base64, in a URL and in JSON. */
export function createScrubber(secrets: readonly string[]): (text: string) => string {
  const forms = secrets
    .filter(({ length }) => length >= SECRET_CHARS_MIN)
    .flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(Buffer.from(secret, 'utf8').toString('utf8')),
      Buffer.from(secret, 'utf8').toString('base64'),
    ])
    // The longer first, or the rest of it would stay.
    .sort((one, other) => other.length - one.length);
  return (text) => forms.reduce((left, form) => left.replaceAll(form, SHOWN), text);
}

/** One line of printable text, no longer than `charsMax`. */
export const oneLineOf = (text: string, charsMax: number): string =>
  text
    .replace(/[\s\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, charsMax)
    .replace(/[\ud800-\udbff]$/, '');
