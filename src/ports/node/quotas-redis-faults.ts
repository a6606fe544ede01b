/**
 * What Redis or the system said, as a sentence that names the way out; what nobody foresaw is told
 * as it came. Knows no connection.
 */

const SETTING = 'setup.redisThrottles';

/** What is looked for in an error, and the sentence for it. */
const SENTENCES: readonly (readonly [RegExp, string])[] = [
  [/NOAUTH/, `the server wants a password: give password (and username) in ${SETTING}`],
  [
    /WRONGPASS|invalid password|invalid username/i,
    `the server refuses this username and password: correct them in ${SETTING}`,
  ],
  [
    /without any password configured|AUTH.*no password is set/i,
    `the server has no password, but one is given: remove password from ${SETTING}`,
  ],
  [/NOPERM/, 'the user may not do this: docs/redis.md lists the commands and keys that it needs'],
  [/READONLY/, `the server is a replica, which cannot count: name its master in ${SETTING}`],
  [/^MOVED|CROSSSLOT/, `the server is part of a cluster: set cluster = true in ${SETTING}`],
  [/cluster support disabled/i, `the server is no cluster: remove cluster from ${SETTING}`],
  [/OOM|MISCONF/, 'the server takes no writes: look at its memory and its disk'],
  [/LOADING/, 'the server is still loading its data'],
  [/protected mode/i, 'the server takes no strangers (protected-mode): give it a password'],
  [/invalid DB index|out of range/i, `the server has no such database: correct node in ${SETTING}`],
  [/unknown command/i, 'the server is too old (Redis 5 or later is needed) or forbids scripts'],
];

/** One line: the sentence where there is one, and what was said. */
export function explainRedis(error: Error): string {
  const inner = (error as { readonly lastNodeError?: Error }).lastNodeError;
  const said = (inner?.message ?? error.message).replace(/\p{Cc}+/gu, ' ').slice(0, 200);
  const found = SENTENCES.find(([pattern]) => pattern.test(said));
  return found === undefined ? said || error.name : `${found[1]} (${said})`;
}
