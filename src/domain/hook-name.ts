/**
 * The names of log hooks, and the domain under which a hook's queue and path are configured:
 * `<name>.log_hook`, a top-level domain that nobody can have, because of its underscore.
 * Deliberately unknown here: which hooks there are.
 */
import { OptionValueError, showValue } from './option-error.ts';
import type { Kind } from './options.ts';

const SUFFIX = '.log_hook';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** The name of a hook: also that of its dead-letter file, and a label of metrics. */
export const hookName: Kind<string> = {
  name: 'name of a hook',
  schema: { type: 'string', pattern: NAME.source },
  read(value) {
    if (typeof value === 'string' && NAME.test(value)) return value;
    const fix = 'use up to 63 letters, digits, dots, dashes and underscores, as in "webhook"';
    throw new OptionValueError(`${showValue(value)} is no name for a hook`, fix);
  },
};

/** The domain that `get_queue_config` and `get_egress_path_config` are asked for. */
export const hookDomain = (name: string): string => `${name}${SUFFIX}`.toLowerCase();

/** True for the domain of a hook: it has no exchangers, and rules for receivers are not for it. */
export const isHookDomain = (domain: string): boolean => domain.toLowerCase().endsWith(SUFFIX);
