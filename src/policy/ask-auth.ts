/**
 * What a policy is asked about those who come over HTTP: whether credentials are good, and who may
 * do what. Handlers of credentials may take their time, so whoever asks bounds it.
 * Deliberately unknown here: headers, caches, and how long is too long.
 */
import type { AclRule } from '../domain/acl.ts';
import { readAcl } from '../domain/acl.ts';
import type { AuthAnswer } from '../domain/auth-info.ts';
import { readAuthAnswer } from '../domain/auth-info.ts';
import { OptionError } from '../domain/option-error.ts';
import type { PolicyFault } from './calling.ts';
import type { Policy } from './define.ts';
import { handlersOf } from './define.ts';
import { describeThrown, oneLine } from './policy-error.ts';
import type { PlaceFinder } from './setup.ts';

/** The questions; each rejects, after it was told, where the handler failed. */
export interface AuthAsker {
  basic(user: string, password: string | undefined): Promise<AuthAnswer>;
  bearer(token: string): Promise<AuthAnswer>;
  /** The policy's rules of a resource; undefined where it has none. Throws where it failed. */
  acl(resource: string): readonly AclRule[] | undefined;
}

function refusePromise(answer: unknown, where: string): void {
  if (!(answer instanceof Promise)) return;
  answer.catch(() => {});
  throw new OptionError(where, '', 'is a promise', 'answer at once: every request asks it');
}

type AuthHandler =
  | 'http_server_validate_auth_basic'
  | 'http_server_validate_auth_bearer'
  | 'get_acl_definition';

/** A handler about HTTP failed; told already. */
export class AuthHandlerFailed extends Error {}

/** Asks `policy`; `onFault` hears of each failure. */
export const createAuthAsker = (
  policy: Policy,
  onFault: (fault: PolicyFault) => void,
  findPlace: PlaceFinder = () => '',
): AuthAsker => {
  const fail = (handler: AuthHandler, thrown: unknown): AuthHandlerFailed => {
    const place = findPlace(thrown, handler);
    const problem = describeThrown(thrown);
    const what = thrown instanceof OptionError ? problem : `${handler} failed: ${problem}`;
    const sentence = oneLine(place === '' ? what : `${place}: ${what}`);
    onFault({ handler, sentence });
    return new AuthHandlerFailed(sentence);
  };
  // What is asked is a secret: it is in no sentence.
  const validate = async (
    name: Exclude<AuthHandler, 'get_acl_definition'>,
    args: readonly unknown[],
  ): Promise<AuthAnswer> => {
    try {
      for (const handler of handlersOf(policy, name)) {
        const ask = handler as (...given: readonly unknown[]) => unknown;
        const answer = await ask(...args);
        if (answer !== undefined) return readAuthAnswer(answer, name);
      }
      return false;
    } catch (thrown) {
      throw fail(name, thrown);
    }
  };
  const definitions = handlersOf(policy, 'get_acl_definition');
  return {
    basic: (user, password) => validate('http_server_validate_auth_basic', [user, password]),
    bearer: (token) => validate('http_server_validate_auth_bearer', [token]),
    acl: (resource) => {
      try {
        for (const define of definitions) {
          const answer: unknown = define(resource);
          if (answer === undefined) continue;
          const where = `get_acl_definition for ${resource}`;
          refusePromise(answer, where);
          return readAcl(answer, where);
        }
        return undefined;
      } catch (thrown) {
        throw fail('get_acl_definition', thrown);
      }
    },
  };
};
