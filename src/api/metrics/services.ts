/**
 * How series by service and by provider are read. A service is a kind (`smtp_client`,
 * `esmtp_listener`) or one of its kind with its name behind a colon; the kinds are totals of their
 * own. Deliberately unknown here: names of metrics.
 */
import type { ServiceCounts, SharedCounts } from '../../actors/measures.ts';
import { formatPlace } from '../../domain/ip.ts';
import type { Family, Read, Series } from './families.ts';
import type { ListenerMeters, Scrape } from './meters.ts';

/** A metric of a worker. */
export type Given = Family<Scrape>;

/** The kind of all that leaves. */
export const CLIENT = 'smtp_client';
const LISTENER = 'esmtp_listener';
/** Grows with ready queues. */
export const PER_READY = 'ready queue';
/** Grows with providers, or with sites where paths name none. */
export const PER_PROVIDER = 'provider';

const total = (service: string, value: number): Series => ({
  labels: [service],
  value,
  isTotal: true,
});

const placeOf = ({ address, port }: ListenerMeters): string => formatPlace(address, port);

/** The total of SMTP listeners, then each. */
export function* ofListeners(
  { meters }: Scrape,
  pick: (listener: ListenerMeters) => number,
): Generator<Series> {
  const { listeners } = meters;
  if (listeners === undefined) return;
  yield total(
    LISTENER,
    listeners.reduce((sum, listener) => sum + pick(listener), 0),
  );
  for (const listener of listeners) {
    yield { labels: [`${LISTENER}:${placeOf(listener)}`], value: pick(listener) };
  }
}

/** The total of SMTP alone. */
export function* ofClient(
  { meters: { figures } }: Scrape,
  pick: (counts: ServiceCounts) => number,
): Generator<Series> {
  if (figures !== undefined) yield total(CLIENT, pick(figures.measures.totals));
}

/** The total of SMTP, then each ready queue. */
export function* ofReady(
  scrape: Scrape,
  pick: (counts: ServiceCounts) => number,
): Generator<Series | undefined> {
  const { figures } = scrape.meters;
  if (figures === undefined) return;
  yield* ofClient(scrape, pick);
  for (const ready of figures.readyQueues()) {
    yield ready && { labels: [`${CLIENT}:${ready.name}`], value: pick(ready.counts) };
  }
}

/** Open connections, in by listener and out as a total. */
export function* connectionTotals(scrape: Scrape): Generator<Series> {
  yield* ofListeners(scrape, (listener) => listener.sessions());
  const { figures } = scrape.meters;
  if (figures !== undefined) yield total(CLIENT, figures.numbers().sessions);
}

/** Open connections, in and out. */
export function* connections(scrape: Scrape): Read<Series> {
  yield* connectionTotals(scrape);
  const { figures } = scrape.meters;
  if (figures === undefined) return;
  for (const ready of figures.readyQueues()) {
    yield ready && { labels: [`${CLIENT}:${ready.name}`], value: ready.sessions.size };
  }
}

/** Messages in all ready queues. */
export function* readyTotal({ meters: { figures } }: Scrape): Generator<Series> {
  if (figures !== undefined) yield total(CLIENT, figures.numbers().readyRows);
}

/** Messages in ready queues. */
export function* readyCounts(scrape: Scrape): Read<Series> {
  const { figures } = scrape.meters;
  if (figures === undefined) return;
  yield* readyTotal(scrape);
  for (const ready of figures.readyQueues()) {
    yield ready && { labels: [`${CLIENT}:${ready.name}`], value: ready.size };
  }
}

/** Connections begun, in by listener and out as a total. */
export function* connectionsBegunTotals(scrape: Scrape): Read<Series> {
  yield* ofListeners(scrape, ({ counts }) => counts.opened);
  yield* ofClient(scrape, ({ opened }) => opened);
}

/** Connections begun, in and out. */
export function* connectionsBegun(scrape: Scrape): Read<Series> {
  yield* ofListeners(scrape, ({ counts }) => counts.opened);
  yield* ofReady(scrape, ({ opened }) => opened);
}

/** Mail that was taken over. */
export function* received({ meters: { figures } }: Scrape): Read<Series> {
  if (figures === undefined) return;
  const { measures } = figures;
  yield total(LISTENER, measures.received.esmtp);
  yield total('http_listener', measures.received.http);
  for (const [place, { count }] of measures.receivedAt) {
    yield { labels: [`${LISTENER}:${place}`], value: count };
  }
}

/** Commands that were refused. */
export function* rejected({ meters: { figures } }: Scrape): Read<Series> {
  if (figures === undefined) return;
  yield total('total', figures.measures.rejected);
  for (const [place, { count }] of figures.measures.rejectedAt) {
    yield { labels: [place], value: count };
  }
}

/** By what ready queues share. */
export function* ofShared(
  { meters: { figures } }: Scrape,
  among: 'providers' | 'homes' | 'lanes',
  labels: (counts: SharedCounts) => string[],
  pick: (counts: SharedCounts) => number,
): Read<Series> {
  for (const counts of figures?.shared(among) ?? []) {
    yield counts && { labels: labels(counts), value: pick(counts) };
  }
}
