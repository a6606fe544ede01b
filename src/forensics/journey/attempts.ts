/**
 * The events of a message as steps: reception, attempts with their results, and what else happened
 * to it. The one idea: an offer opens an attempt and the outcomes of the same number join it; an
 * outcome that no offer announced is an attempt that reached nobody.
 * Deliberately unknown here: what happened to queues and sources meanwhile.
 */
import type { AttemptBody } from '../../events/attempt.ts';
import type { Event } from '../../events/catalogue.ts';
import { catalogue } from '../../events/catalogue.ts';
import type { AcceptedBody, OfferedBody, UnsettledBody } from '../../events/message.ts';
import { messageIdsIn } from './keys.ts';
import type { LogEvent } from './log-look.ts';
import type { AttemptResult, AttemptStep, EventStep, ReceptionStep, Step } from './steps.ts';

const SAYS = new Map<string, string>(catalogue.map(({ type, says }) => [type, says]));

/** What an event says, in one sentence. */
export const sayType = (type: string): string => SAYS.get(type) ?? type;

type Open = { -readonly [K in keyof AttemptStep]: AttemptStep[K] } & {
  positions: number[];
  results: AttemptResult[];
};

/** Turns the events of one message, in order, into steps, in order. */
export function stepsOf(events: readonly LogEvent[]): readonly Step[] {
  const making = new Making();
  for (const one of events) making.take(one);
  return making.steps;
}

class Making {
  readonly steps: Step[] = [];
  #to: readonly string[] = [];
  #open: Open | undefined;

  take(found: LogEvent): void {
    const { event } = found;
    switch (event.type) {
      case 'message.accepted':
      case 'message.recovered':
        this.#to = event.body.to;
        this.steps.push(receptionOf(found, event.type, event.body));
        return;
      case 'message.offered':
        this.#open = this.#begin(found, event.body);
        return;
      case 'message.delivered':
      case 'message.deferred':
      case 'message.bounced':
        return this.#settle(found, event.body, FATES[event.type]);
      case 'message.unsettled':
        return this.#lose(found, event.body);
      case 'message.returned':
        return this.#takeBack(found, event.body.due);
      default:
        this.steps.push(otherOf(found));
    }
  }

  #begin({ at, position }: LogEvent, body: OfferedBody): Open {
    const { attempt, source, site, peer } = body;
    const open: Open = {
      kind: 'attempt',
      at,
      positions: [position],
      attempt,
      ...given({ source, site, peer }),
      results: [],
    };
    this.steps.push(open);
    return open;
  }

  #settle(
    found: LogEvent,
    body: AttemptBody & { due?: number },
    fate: AttemptResult['fate'],
  ): void {
    const { at, position } = found;
    const open = this.#joined(found, body, at - body.took);
    open.positions.push(position);
    Object.assign(open, given(placesOf(body)));
    const { code, enhanced, text, command, own, took, due } = body;
    open.results.push({
      at,
      position,
      fate,
      to: body.to.length > 0 ? body.to : this.#addresses(body.index),
      code,
      enhanced,
      text,
      took,
      ...(command === undefined ? {} : { command }),
      ...(own === undefined ? {} : { own: true }),
      ...(due === undefined ? {} : { due }),
    });
  }

  #lose(found: LogEvent, body: UnsettledBody): void {
    const { at, position } = found;
    const open = this.#joined(found, body, at);
    open.positions.push(position);
    Object.assign(open, given(placesOf(body)));
    const to = body.index === undefined ? this.#to : this.#addresses(body.index);
    open.results.push({ at, position, fate: 'unknown', to, text: body.cause, due: body.due });
    this.#open = undefined;
  }

  #takeBack(found: LogEvent, due: number): void {
    const { at, position } = found;
    const open = this.#open;
    if (open === undefined) {
      this.steps.push(otherOf(found));
      return;
    }
    open.positions.push(position);
    const text = sayType('message.returned');
    open.results.push({ at, position, fate: 'taken back', to: this.#to, text, due });
    this.#open = undefined;
  }

  /** The attempt an outcome belongs to; a new one where none is open that it could mean. */
  #joined(found: LogEvent, body: { attempt: number; source?: string | undefined }, at: number) {
    const open = this.#open;
    if (open?.attempt === body.attempt) return open;
    const { source = '' } = body;
    const none = { attempt: body.attempt, source, site: '', peer: '', link: 0 };
    this.#open = this.#begin({ ...found, at: Math.min(at, found.at) }, none);
    this.#open.positions.pop();
    return this.#open;
  }

  #addresses(index: readonly number[]): readonly string[] {
    return index.flatMap((one) => this.#to[one] ?? []);
  }
}

const FATES = {
  'message.delivered': 'delivered',
  'message.deferred': 'deferred',
  'message.bounced': 'bounced',
} as const;

type Places = Partial<Omit<AttemptBody, 'to' | 'index' | 'code' | 'enhanced' | 'text' | 'took'>>;

const placesOf = (body: Places | UnsettledBody) => ({
  source: body.source,
  site: body.site,
  peer: body.peer,
  pool: body.pool,
  local: body.local,
  via: body.via,
  proxy: body.proxy,
  session: body.session,
  tls: body.tls,
  cipher: body.cipher,
  subject: body.subject,
});

/** Only what says something. */
const given = (fields: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, string] => (field[1] ?? '') !== ''),
  );

function receptionOf(
  { at, position }: LogEvent,
  type: Event['type'],
  body: AcceptedBody,
): ReceptionStep {
  const { peer, helo, service, session, tls, cipher, from, to, queue, meta, headers } = body;
  const [messageId] = messageIdsIn(headers);
  return {
    kind: 'reception',
    at,
    positions: [position],
    ...given({ peer, helo, service, session, tls, cipher }),
    peer,
    helo,
    service,
    from,
    to,
    size: body.body[2],
    queue,
    ...(messageId === undefined ? {} : { message_id: messageId }),
    ...(meta === undefined ? {} : { meta }),
    ...(headers === undefined ? {} : { headers }),
    ...(type === 'message.recovered' ? { recovered: true } : {}),
  };
}

function otherOf({ event, at, position }: LogEvent): EventStep {
  return { kind: 'event', at, positions: [position], type: event.type, text: sayOther(event) };
}

function sayOther(event: Event): string {
  const says = sayType(event.type);
  switch (event.type) {
    case 'message.rebound':
      return `moved from ${event.body.from} to ${event.body.queue}: ${event.body.cause}`;
    case 'message.quarantined':
      return `${says} ${event.body.cause}`;
    case 'message.cancelled':
    case 'message.expired':
    case 'message.lost':
      return `${says} ${event.body.text}`;
    case 'message.purged':
      return `bounced by an operator: ${event.body.text}`;
    case 'report.bounced':
      return `${event.body.reporter} did not reach ${event.body.recipient}: ${event.body.text}`;
    default:
      return says;
  }
}
