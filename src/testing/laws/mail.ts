/**
 * Laws about the fate of mail: nothing is lost or made up, and every reply has its class. The one
 * idea: what was answered, what the log says and what receivers kept are held against each other.
 * Deliberately unknown here: sources, limits, tenants, time.
 */
import type { Happening, Observed, Sent } from '../result.ts';
import type { Breach, Law } from './law.ts';

const MARK = /^X-Mark: (\S+)\r$/m;

/** Nothing that was acknowledged is lost, doubled or made up. */
export const conservation: Law = {
  name: 'conservation',
  says: 'Each recipient of a message that was taken over ends once, or is still queued.',
  find: (observed) => {
    const [oddity] = observed.oddities;
    if (oddity !== undefined) return { says: oddity, at: observed.endedAt, about: [] };
    for (const sent of observed.sent) {
      const breach = sent.code === 250 ? checkSent(observed, sent) : undefined;
      if (breach !== undefined) return breach;
    }
    return undefined;
  },
};

function checkSent({ messages, copies, endedAt }: Observed, sent: Sent): Breach | undefined {
  const kept = copies.filter(({ body }) => MARK.exec(body)?.[1] === sent.mark);
  for (const id of sent.ids) {
    const story = messages.get(id);
    if (story === undefined) {
      const says = `a message to ${sent.to.join(', ')} was acknowledged and is not in the log`;
      return { says, at: sent.answeredAt ?? sent.at, about: [id] };
    }
    for (const [index, end] of story.ends) {
      const to = story.to[index] ?? '';
      const has = kept.some((copy) => copy.isConfirmed && copy.to.includes(to));
      if (end.kind === 'delivered' && !has && kept.length > 0) {
        const says = `a message to ${to} is called delivered, and its receiver does not have it`;
        return { says, at: endedAt, about: [id] };
      }
    }
  }
  return undefined;
}

// Of these a message goes on as it was.
const ASIDE = /^message\.(?:moved|rebound|scheduled|postponed)$/;

/** What a kill cut off is told, before anything else happens. */
export const cutOffAttemptsAreTold: Law = {
  name: 'cut-off-attempts-are-told',
  says: 'A start tells each attempt whose outcome the process before it took away to be unknown.',
  find: ({ events }) => {
    const open = new Map<string, Happening>();
    let start: Happening | undefined;
    for (const event of events) {
      const { type, stream } = event;
      // The first turn of a process takes up what it finds.
      if (start !== undefined && event.turn > start.turn) {
        const [cut] = open.values();
        if (cut !== undefined) return untold(cut, start);
        start = undefined;
      }
      if (type === 'engine.started') start = event;
      else if (type === 'message.offered') open.set(stream, event);
      else if (type.startsWith('message.') && !ASIDE.test(type)) open.delete(stream);
    }
    const [cut] = start === undefined ? [] : open.values();
    return cut === undefined || start === undefined ? undefined : untold(cut, start);
  },
};

function untold({ stream, body }: Happening, { at }: Happening): Breach {
  const says = `an attempt at ${String(body['site'])} was cut off, and the next start is silent`;
  return { says: `${says} about its outcome`, at, about: [stream] };
}

const OUTCOMES: Readonly<Record<string, readonly [string, string]>> = {
  'message.delivered': ['2', 'delivered'],
  'message.deferred': ['4', 'put off'],
  'message.bounced': ['5', 'bounced'],
};

/** A reply and what became of it agree. */
export const everyReplyHasAClass: Law = {
  name: 'every-reply-has-a-class',
  says: 'A 2xx delivers, a 4xx puts off, a 5xx bounces, and the enhanced code says the same.',
  find: ({ events }) => {
    for (const { type, stream, at, body } of events) {
      const [digit, word] = OUTCOMES[type] ?? [];
      if (digit === undefined) continue;
      const code = String(body['code']);
      const enhanced = String(body['enhanced'] ?? '');
      // A connection limit of one's own has a reply that is no reply: it is ours.
      const isOwn = body['own'] === 1;
      const agrees = code[0] === digit && (enhanced === '' || enhanced[0] === digit);
      if (agrees || isOwn) continue;
      const says = `a reply ${code} ${enhanced} was ${word}`;
      return { says, at, about: [stream] };
    }
    return undefined;
  },
};
