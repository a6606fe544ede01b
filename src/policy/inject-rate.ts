/**
 * The rate of recipients that are injected by HTTP, as `init` gives it.
 * Deliberately unknown here: who waits for it, and for how long.
 */
import { throttle } from '../domain/option-kinds.ts';
import { locate } from '../domain/options.ts';
import type { ThrottleSpec } from '../domain/throttle-spec.ts';

/** Reads the rate; null takes it away. */
export const readInjectRate = (spec: unknown): ThrottleSpec | undefined =>
  spec === null || spec === undefined
    ? undefined
    : locate('setup.httpinjectRecipientRateLimit', '', () => throttle.read(spec));
