/**
 * What must hold of our policy, whatever receivers, interfaces and operators do. A law is a name, a
 * sentence, and a function over what was seen in a simulation; it answers the first breach.
 */

/** @typedef {import('waybill/testing').Law} Law */
/** @typedef {import('waybill/testing').Observed} Observed */

const QUARTER_MS = 15 * 60_000;
const ATTEMPT_MS = 2 * 60_000;

/**
 * The tenant in the name of a queue, campaign:tenant@domain.
 * @param {string} queue
 */
const tenantOf = (queue) => {
  const local = queue.includes('@') ? queue.slice(0, queue.indexOf('@')) : '';
  return local.slice(local.indexOf(':') + 1);
};

/**
 * The queue that each message is in, by the message's id.
 * @param {Observed} observed
 */
const queuesOf = ({ events }) => {
  /** @type {Map<string, string>} */
  const queues = new Map();
  for (const { stream, body } of events) {
    if (typeof body['queue'] === 'string') queues.set(stream, body['queue']);
  }
  return queues;
};

/** @type {Law} */
export const receiptsLeaveFromTheShop = {
  name: 'receipts-leave-from-the-shop',
  says: 'Mail of the shop leaves from the addresses of the shop, and no other mail does.',
  find(observed) {
    const queues = queuesOf(observed);
    for (const { type, stream, at, body } of observed.events) {
      if (type !== 'message.offered') continue;
      const tenant = tenantOf(queues.get(stream) ?? '');
      const source = String(body['source']);
      if ((tenant === 'shop') === source.startsWith('shop-')) continue;
      const who = tenant === '' ? 'mail without a tenant' : `mail of ${tenant}`;
      return { says: `${who} left from ${source}`, at, about: [stream, source] };
    }
    return undefined;
  },
};

/** @type {Law} */
export const noLoginComesLate = {
  name: 'no-login-comes-late',
  says: 'A login message is delivered within its quarter of an hour, or never.',
  find(observed) {
    const queues = queuesOf(observed);
    /** @type {Map<string, number>} */
    const accepted = new Map();
    for (const { type, stream, at } of observed.events) {
      if (type === 'message.accepted') accepted.set(stream, at);
      if (type !== 'message.delivered' || !queues.get(stream)?.startsWith('login:shop@')) continue;
      const tookMs = at - (accepted.get(stream) ?? at);
      if (tookMs <= QUARTER_MS + ATTEMPT_MS) continue;
      const says = `a login message was delivered after ${Math.round(tookMs / 60_000)} minutes`;
      return { says, at, about: [stream] };
    }
    return undefined;
  },
};

/** @type {Law} */
export const carefulIsMetOneByOne = {
  name: 'careful-is-met-one-by-one',
  says: 'From one address we never have two connections at once to careful.example.',
  find(observed) {
    const host = observed.hosts.get('mx.careful.example');
    /** @type {Map<string, number>} */
    const openUntil = new Map();
    for (const { at, endedAt = Number.POSITIVE_INFINITY, from, to } of observed.dialled) {
      if (to !== host) continue;
      if ((openUntil.get(from) ?? 0) > at) {
        return { says: `${from} had two connections at once`, at, about: [] };
      }
      openUntil.set(from, endedAt);
    }
    return undefined;
  },
};

/** All of them. */
export const ourLaws = [receiptsLeaveFromTheShop, noLoginComesLate, carefulIsMetOneByOne];
