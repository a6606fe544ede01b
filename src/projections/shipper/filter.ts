/**
 * Which records a hook takes: what it was set up with first, then what the policy's
 * `should_enqueue_log_record` says. The one idea: a handler that fails drops nothing; its record
 * is kept and the failure told, for a record too many can be thrown away and one too few cannot.
 * Deliberately unknown here: the policy, how options are written.
 */
import { domainOf } from '../../domain/address.ts';
import { parseQueueName } from '../../domain/queue-name.ts';
import type { HookFilter } from '../hook.ts';
import type { LogRecord } from '../log-record/record.ts';

/**
 * The policy's word on a record: true and false decide, a text is the name of the one hook that
 * takes it, undefined (nobody has the handler) lets it pass.
 */
export type AskPolicy = (record: LogRecord, hook: string) => unknown;

/** What is asked of each record; `noted` hears why the policy could not be asked. */
export function makeFilter(
  name: string,
  filter: HookFilter,
  ask: AskPolicy | undefined,
  noted: (cause: string) => void,
): (record: LogRecord) => boolean {
  const passes = (record: LogRecord): boolean => filterPasses(filter, record);
  if (ask === undefined) return passes;
  return (record) => passes(record) && policyPasses(name, ask, record, noted);
}

/** What the hook itself was set up to take. */
export function filterPasses(filter: HookFilter, record: LogRecord): boolean {
  if (!filter.types.has(record.type)) return false;
  const { tenants, campaigns, domains } = filter;
  if (tenants !== undefined || campaigns !== undefined) {
    const { tenant, campaign } = parseQueueName(record.queue);
    if (tenants !== undefined && !tenants.has(tenant ?? '')) return false;
    if (campaigns !== undefined && !campaigns.has(campaign ?? '')) return false;
  }
  return domains === undefined || recipientsOf(record).some((to) => domains.has(domainOf(to)));
}

const recipientsOf = ({ recipient }: LogRecord): readonly string[] =>
  typeof recipient === 'string' ? [recipient] : recipient;

function policyPasses(
  name: string,
  ask: AskPolicy,
  record: LogRecord,
  noted: (cause: string) => void,
): boolean {
  let answer: unknown;
  try {
    answer = ask(record, name);
  } catch (error) {
    noted(error instanceof Error ? error.message : String(error));
    return true;
  }
  if (answer === undefined || answer === true) return true;
  if (answer === false) return false;
  if (typeof answer === 'string') return answer === name;
  noted(`should_enqueue_log_record gave neither true, false nor a hook's name (${typeof answer})`);
  return true;
}
