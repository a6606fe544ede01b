/**
 * What a public log record can be about, by the names of the reference.
 * The one idea: options, records and filters read one list.
 * Deliberately unknown here: the events behind a type, and what a record holds.
 */

/** What a record can be about. */
export const RECORD_TYPES = [
  'Reception',
  'Delivery',
  'Bounce',
  'TransientFailure',
  'Delayed',
  'Expiration',
  'AdminBounce',
  'AdminRebind',
  'DeferredInjectionRebind',
  'OOB',
  'Feedback',
  'Rejection',
  'XferOut',
  'XferIn',
] as const;

/** The type of a record. */
export type RecordType = (typeof RECORD_TYPES)[number];
