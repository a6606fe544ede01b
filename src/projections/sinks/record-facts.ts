/**
 * What brokers are told about a record beside its text: headers, and the facts that names and keys
 * are made of.
 * The one idea: AMQP and Kafka carry the same headers, so that a consumer may change the broker.
 * Deliberately unknown here: protocols, options.
 */
import type { TemplateFacts } from '../../domain/hook-template.ts';
import { parseQueueName } from '../../domain/queue-name.ts';
import type { OutgoingRecord } from '../../ports/sink.ts';
import type { LogRecord } from '../log-record/record.ts';

/** What stands in a name where the record has nothing to put there. */
export const NO_FACT = 'none';

// The longest that a header may become, so that meta of a message cannot swell every record.
const TRACE_CHARS_MAX = 256;

/** The tenant of the record's queue; '' where there is none. */
export const tenantOf = ({ queue }: LogRecord): string => parseQueueName(queue).tenant ?? '';

/** The domain of the (first) recipient, lower case; '' where there is none. */
export function recipientDomainOf({ recipient }: LogRecord): string {
  const first = typeof recipient === 'string' ? recipient : (recipient[0] ?? '');
  const at = first.lastIndexOf('@');
  return at < 0 ? '' : first.slice(at + 1).toLowerCase();
}

/** What the record puts into names. */
export const factsOf = (record: LogRecord): TemplateFacts => ({
  type: record.type,
  tenant: tenantOf(record) || NO_FACT,
  domain: recipientDomainOf(record) || NO_FACT,
  nodeid: record.nodeid || NO_FACT,
});

/** Headers: what a consumer decides by without reading the text. */
export function headersOf({ eventId, record, isReplay }: OutgoingRecord): Record<string, string> {
  const headers: Record<string, string> = {
    type: record.type,
    event_id: eventId,
    schema_version: String(record.schema_version),
  };
  const trace = record.meta['traceparent'];
  if (typeof trace === 'string' && trace.length <= TRACE_CHARS_MAX) headers['traceparent'] = trace;
  if (isReplay) headers['replay'] = 'true';
  return headers;
}
