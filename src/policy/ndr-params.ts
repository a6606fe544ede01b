/**
 * How failures are reported to senders, as `init` gives it.
 * Deliberately unknown here: reports.
 */
import { OptionError } from '../domain/option-error.ts';
import type { NdrParams } from '../reports/ndr.ts';
import { readNdrParams } from '../reports/ndr.ts';
import type { NdrOptions } from './setup-calls.ts';

const WHERE = 'setup.ndr';

/** Reads it; refuses a second call, and one that asks for nothing. */
export function readNdr(options: NdrOptions, known: NdrParams | undefined): NdrParams {
  if (known !== undefined) throw new OptionError(WHERE, '', 'was called twice', 'keep one call');
  const params = readNdrParams(options, WHERE);
  if (params.enable_bounce || params.enable_expiration) return params;
  const fix = 'set enable_bounce or enable_expiration to true, or leave the call out';
  throw new OptionError(WHERE, '', 'reports nothing', fix);
}
