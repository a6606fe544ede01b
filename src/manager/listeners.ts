/**
 * Opens what a policy wants listened at: SMTP, and HTTP where it is wanted, whose library is not
 * even loaded otherwise. All are open, or none. Knows no version and no manager.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { REFUSAL_STOPPING } from '../actors/queue/accept.ts';
import type { HttpListener } from '../api/http.ts';
import type { JourneyAsked } from '../api/journey-route.ts';
import type { Subject } from '../domain/explanation.ts';
import { formatPlace } from '../domain/ip.ts';
import type { KeySource } from '../domain/option-places.ts';
import type { HttpListenerConfig } from '../domain/options-http.ts';
import type { SmtpListener } from '../intake/smtp.ts';
import { startSmtpListener } from '../intake/smtp.ts';
import type { AuthAsker } from '../policy/ask-auth.ts';
import { createTimers } from '../ports/node/timers.ts';
import type { HookDesk } from '../projections/hook-status.ts';
import { adminDesk, lookDesk } from './admin-desk.ts';
import type { OpenedInjection } from './injecting.ts';
import type { LoadedWorld } from './load.ts';
import { machineDesk, policyDesk } from './machine-desk.ts';
import type { OpenedEngine } from './open.ts';
import { reachedAt } from './own-places.ts';
import type { Told } from './telling.ts';
import type { WorkerMeters } from './worker-meters.ts';

/** Answers that are read too slowly at the very end are cut after this, ms. */
const LAST_ANSWERS_MS_MAX = 2_000;

/** What listeners serve. */
export interface ListenerParts {
  readonly opened: OpenedEngine;
  readonly logger: Logger;
  readonly meters: WorkerMeters;
  readonly requestBump: (reason: string) => void;
  readonly explain: (subject: Subject) => Told | string;
  readonly hooks: HookDesk;
  /** Judges credentials; another with each version of the policy. */
  readonly judge: () => AuthAsker;
  /** A stop is ordered: load balancers shall go elsewhere, though mail may still be taken. */
  readonly isDraining: () => boolean;
  /** The data directory, where versions of the policy are kept. */
  readonly dir: string;
  /** Of the program. */
  readonly version: string;
}

/** Listeners, open. */
export interface OpenedListeners {
  /** `ip:port` of each. */
  readonly smtp: readonly string[];
  readonly http: readonly string[];
  /** No new mail; what is being received has `graceMs`. HTTP goes on with health and metrics. */
  closeIntake(graceMs: number): Promise<void>;
  /** Ends HTTP as well. */
  stop(): Promise<void>;
}

/** Opens all listeners of `world`; rejects, with none open, when one cannot be. */
export async function openListeners(
  world: LoadedWorld,
  parts: ListenerParts,
): Promise<OpenedListeners> {
  const smtp: SmtpListener[] = [];
  const http: HttpListener[] = [];
  const closeIntake = async (graceMs: number): Promise<void> => {
    await Promise.all([
      ...smtp.map((listener) => listener.stop(graceMs)),
      ...http.map((listener) => listener.close(graceMs)),
    ]);
    await injection?.stop();
  };
  const stop = async (): Promise<void> => {
    await Promise.all(http.map((listener) => listener.stop(LAST_ANSWERS_MS_MAX)));
  };
  const { engine, bodies, clock, traces } = parts.opened;
  const isInjecting = world.httpListeners.length > 0 || engine.generations.list().length > 0;
  const injection = isInjecting ? await openInjecting(world, parts) : undefined;
  const note = (level: 'info' | 'warn' | 'error', text: string): void => parts.logger[level](text);
  try {
    parts.meters.listeners = smtp;
    // HTTP first: once mail is taken, all that was asked for is there.
    for (const config of world.httpListeners) http.push(await openHttp(config, parts, injection));
    for (const config of world.smtpListeners) {
      const listener = await startSmtpListener(config, engine, bodies, clock, note, traces.server);
      for (const address of reachedAt(listener.address)) engine.listensAt(address, listener.port);
      smtp.push(listener);
    }
  } catch (error) {
    await closeIntake(0);
    await stop();
    throw error;
  }
  return { smtp: smtp.map(placeOf), http: http.map(placeOf), closeIntake, stop };
}

const placeOf = ({ address, port }: SmtpListener | HttpListener): string =>
  formatPlace(address, port);

/** One for all listeners, and for what earlier ones have left to do. */
async function openInjecting(world: LoadedWorld, parts: ListenerParts): Promise<OpenedInjection> {
  const { openInjection } = await import('./injecting.ts');
  const injection = openInjection(world, parts.opened, parts.logger);
  parts.meters.inject = () => injection.counts;
  return injection;
}

async function openHttp(
  config: HttpListenerConfig,
  parts: ListenerParts,
  injection: OpenedInjection | undefined,
): Promise<HttpListener> {
  const { opened, logger, meters } = parts;
  const { engine } = opened;
  const [{ startHttpListener }, { createMetrics }] = await Promise.all([
    import('../api/http.ts'),
    import('../api/metrics.ts'),
  ]);
  const { tls_certificate, tls_private_key } = config;
  const hasIdentity = tls_certificate !== undefined && tls_private_key !== undefined;
  return await startHttpListener(config, {
    ...(config.use_tls && hasIdentity
      ? { tls: { cert: readKey(tls_certificate), key: readKey(tls_private_key) } }
      : {}),
    metrics: createMetrics(meters, () => engine.sources.meters()),
    whyNotAlive: () => {
      const refusal = parts.isDraining() ? REFUSAL_STOPPING : engine.admit();
      return refusal && `${refusal.code} ${refusal.enhanced} ${refusal.text}`;
    },
    explain: parts.explain,
    journey: (asked) => tellJourney(opened.journeys, parts.explain, asked),
    hooks: parts.hooks,
    traces: opened.traces,
    admin: adminDesk(engine),
    look: lookDesk(engine),
    sources: engine.sources,
    policy: policyDesk(parts),
    machine: machineDesk(config, parts),
    auth: { judge: parts.judge, timers: createTimers(opened.clock) },
    note: (text) => logger.error(text),
    ...(injection === undefined ? {} : { inject: injectPartsOf(config, injection) }),
  });
}

/** The log's answer, and for a message that lives what holds it just now. */
async function tellJourney(
  journeys: OpenedEngine['journeys'],
  explain: ListenerParts['explain'],
  asked: JourneyAsked,
): Promise<object | string> {
  const answer = await journeys.ask(asked);
  if (typeof answer === 'string' || answer.kind !== 'journey') return answer;
  if (answer.journey.standing.state === 'ended') return answer;
  const why = explain({ kind: 'message', name: answer.journey.id });
  return typeof why === 'string' ? answer : { ...answer, why };
}

const injectPartsOf = (config: HttpListenerConfig, { service }: OpenedInjection) => ({
  service,
  bodyLimit: config.request_body_limit,
  hostname: config.hostname ?? hostname(),
});

const readKey = (source: KeySource): string =>
  'path' in source ? readFileSync(source.path, 'utf8') : source.key_data;
