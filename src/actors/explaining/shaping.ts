/**
 * Which rate or limit of a path or a queue holds mail up, with the option behind it. Reads what the
 * waits themselves note; asks nobody.
 */
import type { QueueRow } from '../../domain/books.ts';
import type { Reason, Rule } from '../../domain/explanation.ts';
import type { NamedRate } from '../../domain/throttle.ts';
import { formatLimit, formatThrottle } from '../../domain/throttle-spec.ts';
import type { Core, HeldQueue, ReadyQueue } from '../core.ts';
import type { Binding } from '../quota-lines.ts';

/** An option of the path as a rule. */
export type PathRule = (ready: ReadyQueue, option: string, value: string) => Rule;

const OWN = 'kumomta.';

// Names of ours begin with `kumomta.`; all others are keys of the option with many names.
const optionOf = (name: string, own: string, other: string): string =>
  name.startsWith(OWN) ? own : other;

const specOf = (rates: readonly NamedRate[], name: string): string => {
  const rate = rates.find((one) => one.name === name);
  return rate === undefined ? '' : formatThrottle(rate.spec);
};

const reasonOf = (option: string, { name, until }: Binding, value: string, rule: Rule): Reason => ({
  name: option,
  text: `the ${option} ${value} binds, counted as ${name}`,
  // One that others in the line wait before has no instant of its own.
  ...(until > 0 ? { until } : {}),
  rule,
});

/** The rates and limits that a ready queue waits for, in the order in which they bind. */
export function explainPathShaping(ready: ReadyQueue, pathRule: PathRule): Reason[] {
  const { sender, sending, dialer, dialing, leaser, limits } = ready.shaping;
  const reasons: Reason[] = [];
  const add = (binding: Binding | undefined, option: string, value: string): void => {
    if (binding === undefined) return;
    reasons.push(reasonOf(option, binding, value, pathRule(ready, option, value)));
  };
  const send = sender.binding?.name ?? '';
  const sendOption = optionOf(send, 'max_message_rate', 'additional_message_rate_throttles');
  add(sender.binding, sendOption, specOf(sending.rates, send));
  add(dialer.binding, 'max_connection_rate', specOf(dialing.rates, dialer.binding?.name ?? ''));
  const limit = limits.find(({ name }) => name === leaser.binding?.name);
  const limitOption = limit === undefined ? '' : limit.name;
  add(
    leaser.binding,
    optionOf(limitOption, 'connection_limit', 'additional_connection_limits'),
    limit === undefined ? '' : formatLimit(limit.spec),
  );
  return reasons;
}

/** The rates that a queue waits for: its own, or those of the choice of a source. */
export function explainQueueShaping(
  core: Core,
  held: HeldQueue,
  queueRule: (row: QueueRow, option: string, value: string) => Rule,
  pathRule: PathRule,
): Reason[] {
  const { promoter, promoting, chooser } = held.shaping;
  if (promoter.binding !== undefined) {
    const value = specOf(promoting.rates, promoter.binding.name);
    const rule = queueRule(held.row, 'max_message_rate', value);
    return [reasonOf('max_message_rate', promoter.binding, value, rule)];
  }
  const { binding } = chooser;
  if (binding === undefined) return [];
  for (const ready of core.readyQueues.values()) {
    const value = specOf(ready.shaping.choosing.rates, binding.name);
    if (value === '' || !ready.shaping.refused.has(held)) continue;
    const own = 'source_selection_rate';
    const option = optionOf(binding.name, own, 'additional_source_selection_rates');
    return [reasonOf(option, binding, value, pathRule(ready, option, value))];
  }
  return [];
}
