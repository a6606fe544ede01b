/**
 * What kafkajs throws, as a sentence for an operator, and whether it is about size.
 * The one idea: the library wraps an error in one about retries; the innermost is what happened.
 * Deliberately unknown here: what is done about it.
 */
import { GivenUp, oneLine } from './bounded.ts';

const DEPTH_MAX = 8;

/** Names of the protocol's errors (https://kafka.apache.org/protocol#protocol_error_codes). */
const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

const HINTS: readonly (readonly [string, (topics: string) => string])[] = [
  ['UNKNOWN_TOPIC_OR_PARTITION', (topics) => `there is no topic ${topics}: make it`],
  ['INVALID_TOPIC_EXCEPTION', (topics) => `the broker does not take the name ${topics}`],
  ['TOPIC_AUTHORIZATION_FAILED', (topics) => `this user may not write to ${topics}`],
  ['CLUSTER_AUTHORIZATION_FAILED', () => 'this user may not write idempotently'],
  ['UNSUPPORTED_SASL_MECHANISM', () => 'the broker does not take this sasl.mechanism'],
];

interface Thrown {
  readonly name?: string;
  readonly message?: string;
  readonly type?: string;
  readonly code?: string | number;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

function innermost(error: unknown): Thrown {
  let found = error as Thrown;
  for (let depth = 0; depth < DEPTH_MAX; depth += 1) {
    const next = found.cause ?? found.errors?.[0];
    if (typeof next !== 'object' || next === null) break;
    found = next as Thrown;
  }
  return found;
}

/** Whether the broker found the records too large. */
export const isTooLarge = (error: unknown): boolean => TOO_LARGE.has(innermost(error).type ?? '');

/** One sentence about it. */
export function kafkaReason(error: unknown, topics: readonly string[]): string {
  if (error instanceof GivenUp) return error.message;
  const { type, message = String(error) } = innermost(error);
  const hint = HINTS.find(([name]) => name === type);
  if (hint !== undefined) return oneLine(`Kafka: ${hint[1](namesOf(topics))} (${message})`);
  return oneLine(`Kafka: ${message}`);
}

const NAMES_SHOWN = 3;

function namesOf(topics: readonly string[]): string {
  const shown = topics.slice(0, NAMES_SHOWN).map((topic) => `'${topic}'`);
  const more = topics.length > NAMES_SHOWN ? ' or another of the batch' : '';
  return `${shown.join(' or ')}${more}`;
}
