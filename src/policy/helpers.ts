/**
 * What an operator imports as `waybill/helpers`: parts of a policy made of data files. It only says
 * which those are, so it is the one file that passes on what others export.
 * It does not know what the helpers do.
 */
// biome-ignore-all lint/performance/noBarrelFile: an operator imports from one name.

/** A report of failure to the sender of a message, written from its record. */
export { generateRfc3464Message } from '../reports/ndr.ts';
/** Which signatures mail gets. */
export { dkim } from './helpers/dkim.ts';
/** What may be relayed for which domain. */
export { listenerDomains } from './helpers/listener-domains.ts';
/** Who is told what becomes of the mail. */
export { logHooks } from './helpers/log-hooks.ts';
/** How queues retry, expire and route. */
export { queues } from './helpers/queues.ts';
/** How a source may talk to a site. */
export { shaping } from './helpers/shaping.ts';
/** From where mail is sent, and in which shares. */
export { sources } from './helpers/sources.ts';
