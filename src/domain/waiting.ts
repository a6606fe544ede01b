/**
 * The words for what makes mail wait: the same whether the engine says them of now (`waybill why`)
 * or the log tells them of the past (`waybill journey`). Knows neither the engine nor the log.
 */

/** Names of reasons that are no option of the reference. */
export const WAIT = {
  retry: 'retry',
  scheduled: 'scheduled',
  suspended: 'suspended',
  resting: 'resting',
  route: 'route',
  sourceSuspended: 'source suspended',
  readySuspended: 'ready queue suspended',
  setAside: 'set aside',
  /** Only of the past: nobody was there to deliver. */
  stopped: 'stopped',
  /** Only of the past: what held the message left no event. */
  inLine: 'in line',
} as const;

/** A number of things as people say it: 1 message, 2 messages. */
export const sayMany = (count: number, one: string): string =>
  `${count} ${one}${count === 1 ? '' : 's'}`;

/** The same where there may be none: no message, 1 message, 2 messages. */
export const sayAny = (count: number, one: string): string =>
  count === 0 ? `no ${one}` : sayMany(count, one);

/** How many of a queue's messages are due, where so many of them were looked at. */
export const sayDue = (count: number, due: number, looked: number): string => {
  if (count <= 1)
    return count === 0 ? 'no message' : `1 message, ${due === 1 ? '' : 'not yet '}due`;
  const all = looked < count ? `the first ${looked}` : 'them';
  const some = due === 0 ? `none of ${all} due yet` : `${due} of ${all} due`;
  return `${sayMany(count, 'message')}, ${due === looked ? `all of ${all} due` : some}`;
};

/** A scheduled queue is suspended. */
export const saySuspended = (cause: string): string => `the queue is suspended: ${cause}`;

/** A source is suspended. */
export const saySourceSuspended = (name: string, cause: string): string =>
  `the source ${name} is suspended: ${cause}`;

/** An operator keeps a source from a site. */
export const sayReadySuspended = (ready: string, cause: string): string =>
  `the ready queue ${ready} is suspended: ${cause}`;

/** Exchangers are being found. */
export const sayRoute = (domain: string): string =>
  `the exchangers of ${domain} are being looked up`;

/** The retry schedule; `part` says among how many. */
export const sayRetry = (part = ''): string =>
  `the retry schedule: the next attempt${part} is due then`;

/** It was taken over to be sent later and was not tried yet; `part` as for `sayRetry`. */
export const sayScheduled = (part = ''): string =>
  `it is to be sent later: the first attempt${part} is due then`;

/** The message cannot be trusted. */
export const SET_ASIDE = 'its body cannot be read; it is kept until it expires';
