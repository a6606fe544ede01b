/**
 * The law that nobody is starved. The one idea: who waits for room in a ready queue is called in
 * turn, with as many places as each of the others, so the mail of another queue passes message for
 * message, but for one turn: half of `max_ready` where two share the room, less where more do.
 * Judged only while nothing else held the queue up. Deliberately unknown here: how turns are kept.
 */
import type { ThrottleSpec } from '../../domain/throttle-spec.ts';
import type { Standing } from '../history.ts';
import { recount } from '../history.ts';
import type { Happening, Observed } from '../result.ts';
import type { Breach, Law } from './law.ts';
import { showSpan } from './law.ts';

/** So much later accepted is younger for sure, ms: a route may have had to be asked for. */
const YOUNGER_MS = 1_000;
/** A source, a policy, an order or a process that changes may hold up some and not others. */
const DISTURBING = /^(?:source|policy|path|engine|operator|rebind|purge)\.(?!answered)/;
/** The same of the queue, or of the message, which hears of nothing else before its attempt. */
const ITS_OWN = /^(?:queue|message)\.(?!opened|accepted|moved)/;

/** An attempt. */
interface Offer {
  readonly id: string;
  readonly queue: string;
  readonly way: string;
  readonly acceptedAt: number;
  readonly at: number;
  readonly isFirst: boolean;
  /** Places of a turn; undefined where more than the wait for room may have held it up. */
  readonly turn: number | undefined;
}

/** When something happened that makes waiting other than a wait for room. */
class Disturbances {
  readonly #all: number[] = [];
  readonly #byStream = new Map<string, number[]>();

  note({ type, stream, at }: Happening): void {
    if (DISTURBING.test(type)) this.#all.push(at);
    else if (ITS_OWN.test(type)) {
      const known = this.#byStream.get(stream);
      if (known === undefined) this.#byStream.set(stream, [at]);
      else known.push(at);
    }
  }

  isQuiet({ id, queue, acceptedAt, at }: Offer): boolean {
    const isWithin = (one: number): boolean => one >= acceptedAt && one < at;
    const own = [...(this.#byStream.get(queue) ?? []), ...(this.#byStream.get(id) ?? [])];
    return !this.#all.some(isWithin) && !own.some(isWithin);
  }
}

type Paced = Readonly<Record<string, ThrottleSpec | undefined>>;

/** How many places a turn has at the most; undefined where rates say who goes. */
function turnOf(standing: Standing, queue: string, { body }: Happening): number | undefined {
  if (standing.queues.get(queue)?.config.max_message_rate !== undefined) return undefined;
  const { source, site } = body;
  const paths = [...standing.paths.values()].filter(
    (path) => path.source === source && path.site === site,
  );
  const isPaced = paths.some(({ config }) => {
    const { source_selection_rate: own } = config as unknown as Paced;
    return own !== undefined || Object.keys(config.additional_source_selection_rates).length > 0;
  });
  if (isPaced || paths.length === 0) return undefined;
  return Math.max(1, ...paths.map(({ config }) => Math.floor(config.max_ready / 2)));
}

function readOffers({ events }: Observed, disturbances: Disturbances): Offer[] {
  const offers: Offer[] = [];
  /** When each came to wait for its first attempt; undefined: it was to wait for its time, too. */
  const waiting = new Map<string, number | undefined>();
  for (const [event, standing] of recount(events)) {
    const { type, stream, at, body } = event;
    disturbances.note(event);
    if (type === 'message.accepted') {
      waiting.set(stream, body['schedule'] === undefined ? at : undefined);
    }
    if (type !== 'message.offered') continue;
    const queue = standing.queueOf.get(stream) ?? '';
    const way = `${String(body['source'])} ${String(body['site'])}`;
    const acceptedAt = waiting.get(stream);
    const isFirst = acceptedAt !== undefined;
    waiting.delete(stream);
    const turn = isFirst ? turnOf(standing, queue, event) : undefined;
    offers.push({ id: stream, queue, way, acceptedAt: acceptedAt ?? at, at, isFirst, turn });
  }
  return offers;
}

/** More of one queue than of its own, and a turn, went before it although they came after it. */
function findPassed(offers: readonly Offer[], index: number): Breach | undefined {
  const { id, queue, way, acceptedAt, at, turn = 0 } = offers[index] as Offer;
  const others = new Map<string, number>();
  let own = 0;
  for (let before = index - 1; before >= 0; before -= 1) {
    const one = offers[before] as Offer;
    if (one.at < acceptedAt) break;
    if (one.queue === queue) own += 1;
    else if (one.isFirst && one.way === way && one.acceptedAt >= acceptedAt + YOUNGER_MS) {
      others.set(one.queue, (others.get(one.queue) ?? 0) + 1);
    }
  }
  for (const [other, passed] of others) {
    if (passed <= own + turn) continue;
    const waited = showSpan(at - acceptedAt);
    const says = `mail of ${queue} waited ${waited} while ${passed} younger of ${other} passed it`;
    return { says: `${says}, and ${own} of its own went`, at, about: [id, queue, other] };
  }
  return undefined;
}

/** Nobody waits while others pass without end. */
export const noQueueIsStarved: Law = {
  name: 'no-queue-is-starved',
  says: 'Of another queue no more younger messages pass than of its own, and half of max_ready.',
  find: (observed) => {
    const { scenario, policy } = observed;
    // These may hold up one queue and not the other, and leave nothing on record.
    const hasNames = (scenario.faults?.dns ?? 0) > 0 || scenario.steps.some(isOfNames);
    if (hasNames || policy.handlers.includes('throttle_insert_ready_queue')) return undefined;
    const disturbances = new Disturbances();
    const offers = readOffers(observed, disturbances);
    for (const [index, offer] of offers.entries()) {
      if (offer.turn === undefined || !disturbances.isQuiet(offer)) continue;
      const breach = findPassed(offers, index);
      if (breach !== undefined) return breach;
    }
    return undefined;
  },
};

const isOfNames = ({ do: verb }: Observed['scenario']['steps'][number]): boolean => verb === 'dns';
