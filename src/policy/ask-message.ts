/**
 * Questions about one message, and about the domains of a listener: what the handlers give is read
 * here into words of the domain. A failing handler changes nothing of what would have happened
 * without it. Knows no queues and records nothing.
 */
import { OptionError } from '../domain/option-error.ts';
import { isTable, locate } from '../domain/options.ts';
import { parseListenerDomain } from '../domain/options-listener.ts';
import type { MessageAsker } from '../domain/policy-asker.ts';
import { parseQueueChange } from '../domain/queue-change.ts';
import type { NamedRate } from '../domain/throttle.ts';
import { parseThrottle } from '../domain/throttle-spec.ts';
import type { Caller } from './calling.ts';

const RATES_MAX = 16;
const NO_RATES: readonly NamedRate[] = Object.freeze([]);
const FIX = "answer [{ name: 'x', rate: '100/m' }]";

function readRates(raw: unknown, where: string): readonly NamedRate[] {
  if (!Array.isArray(raw)) throw new OptionError(where, '', 'is no list of rates', FIX);
  if (raw.length > RATES_MAX) throw new OptionError(where, '', `has ${raw.length} rates`, FIX);
  return raw.map((entry: unknown) => {
    const { name, rate } = isTable(entry) ? entry : {};
    if (typeof name !== 'string' || name === '') {
      throw new OptionError(where, 'name', 'is missing', FIX);
    }
    return { name, spec: locate(where, 'rate', () => parseThrottle(rate)) };
  });
}

/** The questions about messages, over the handlers of a policy. */
export const createMessageAsker = (caller: Caller): MessageAsker => ({
  hears: (handler) => caller.has(handler),
  throttles: (message) => {
    const handler = 'throttle_insert_ready_queue';
    const about = message.id;
    const read = (raw: unknown) => readRates(raw, handler);
    const called = caller.call({ handler, args: [message], about, read });
    return called.kind === 'answer' ? called.value : NO_RATES;
  },
  requeue: (message, response, context, isAttempt, delayMs) => {
    const handler = 'requeue_message';
    const args = [message, response, context, isAttempt, delayMs];
    const read = (raw: unknown) => parseQueueChange(raw, handler);
    const called = caller.call({ handler, args, about: message.id, read });
    return called.kind === 'answer' ? called.value : undefined;
  },
  rebind: (message, data) => {
    const handler = 'rebind_message';
    const read = (raw: unknown) => parseQueueChange(raw, handler);
    const called = caller.call({ handler, args: [message, data], about: message.id, read });
    return called.kind === 'answer' ? called.value : undefined;
  },
  listenerDomain: (domain, listener, meta) => {
    const handler = 'get_listener_domain';
    const read = (raw: unknown) => parseListenerDomain(raw, `${handler} for ${domain}`);
    const called = caller.call({ handler, args: [domain, listener, meta], about: domain, read });
    if (called.kind === 'fault') return 'failed';
    return called.kind === 'answer' ? called.value : undefined;
  },
});
