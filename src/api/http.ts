/**
 * An HTTP listener: who may come in, and the routes that every listener has. Whoever asks is
 * recognised first; then the route is found; bodies are JSON. Knows neither manager nor engine:
 * what a route does is lent to it.
 */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { fastify } from 'fastify';
import { formatPlace } from '../domain/ip.ts';
import type { HttpListenerConfig } from '../domain/options-http.ts';
import type { HookDesk } from '../projections/hook-status.ts';
import type { AdminDesk } from './admin-routes.ts';
import { addAdminRoutes } from './admin-routes.ts';
import type { AuthParts } from './auth.ts';
import { guard } from './auth.ts';
import { addGate } from './closing.ts';
import { addConnectionRoutes } from './connection-routes.ts';
import { addAbsentRoutes, addHealthRoutes } from './health-routes.ts';
import { addHookRoutes } from './hook-routes.ts';
import type { InjectRouteParts } from './inject-routes.ts';
import { addInjectRoutes } from './inject-routes.ts';
import type { LookDesk } from './inspect-routes.ts';
import { addInspectRoutes } from './inspect-routes.ts';
import type { TellJourney } from './journey-route.ts';
import { addJourneyRoute } from './journey-route.ts';
import type { KeptDesk } from './kept-routes.ts';
import { addKeptRoutes } from './kept-routes.ts';
import type { MachineDesk } from './machine-routes.ts';
import { addMachineRoutes } from './machine-routes.ts';
import type { Metrics } from './metrics.ts';
import { addMetricsRoutes } from './metrics-routes.ts';
import { noteBy } from './notes.ts';
import { addOpenApi, gatherRoutes } from './openapi.ts';
import type { PolicyDesk } from './policy-routes.ts';
import { addPolicyRoutes } from './policy-routes.ts';
import { readJsonOnly, refuseUrl, sayRefusals } from './refusals.ts';
import type { SmtpTraces } from './smtp-trace-hub.ts';
import type { SourceControl } from './source-routes.ts';
import { addSourceRoutes } from './source-routes.ts';
import { addTraceRoutes, takeWebsockets } from './trace-routes.ts';
import { REQUEST_MS_MAX, Unreadable } from './unreadable.ts';
import type { Explain } from './why-route.ts';
import { addWhyRoute } from './why-route.ts';

/** What the routes stand on. */
export interface HttpParts {
  /** The identity, for a listener with `use_tls`. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly metrics: Metrics;
  /** Why no mail is taken just now; undefined when all is well. */
  readonly whyNotAlive: () => string | undefined;
  /** Why something waits; a sentence where there is no such thing. */
  readonly explain: Explain;
  /** What happened to a message; absent: nobody knows here. */
  readonly journey?: TellJourney;
  /** Sees to what operators wish of queues and messages. */
  readonly admin: AdminDesk;
  /** Shows them what there is. */
  readonly look: LookDesk & KeptDesk;
  readonly sources: SourceControl;
  /** Sees to the log hooks. */
  readonly hooks: HookDesk;
  /** Where SMTP conversations are shown; absent: nowhere. */
  readonly traces?: SmtpTraces;
  readonly policy: PolicyDesk;
  readonly machine: MachineDesk;
  readonly auth: Omit<AuthParts, 'listener' | 'trusted'>;
  /** Hears of requests that failed by our fault. */
  readonly note: (text: string) => void;
  /** Takes messages; absent: nobody does here. */
  readonly inject?: InjectRouteParts;
}

/** A listener, open. */
export interface HttpListener {
  readonly address: string;
  readonly port: number;
  /** From here on only health and metrics; resolves when other requests are through, or in time. */
  close(graceMs: number): Promise<void>;
  /** Idle connections are closed at once, answers under way are cut after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Opens the listener; rejects with what the system says when the address cannot be had. */
export async function startHttpListener(
  config: HttpListenerConfig,
  parts: HttpParts,
): Promise<HttpListener> {
  const server = makeServer(config, parts);
  const { address, port } = config.listen;
  const listener = formatPlace(address, port);
  if (parts.traces !== undefined) await takeWebsockets(server);
  const { timers } = parts.auth;
  const gate = addGate(server, timers);
  guard(server, { ...parts.auth, listener, trusted: config.trusted_hosts });
  sayRefusals(server, parts.note);
  const docs = gatherRoutes(server);
  await server.register((scope, _options, done) => {
    addJsonRoutes(scope, parts, config.request_body_limit);
    done();
  });
  const { inject } = parts;
  await server.register((scope, _options, done) => {
    if (inject !== undefined) addInjectRoutes(scope, inject, parts.note);
    done();
  });
  // No other route reads a body, so any kind of one is as good as none; its size is still bounded.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
  addPlainRoutes(server, parts);
  if (parts.traces !== undefined) addTraceRoutes(server, parts.traces);
  addOpenApi(server, docs, parts.machine.facts().version);
  await server.listen({ host: address, port });
  const bound = server.server.address() as AddressInfo;
  return {
    address: bound.address,
    port: bound.port,
    close: gate.close,
    stop: async (graceMs) => {
      const cancel = timers.after(graceMs, () => server.server.closeAllConnections());
      await server.close();
      cancel();
    },
  };
}

/** Routes that read bodies, or stand beside those that do. */
function addJsonRoutes(scope: FastifyInstance, parts: HttpParts, bodyLimit: number): void {
  readJsonOnly(scope, bodyLimit);
  const note = noteBy(parts.admin);
  addAdminRoutes(scope, parts.admin);
  addConnectionRoutes(scope, parts.admin);
  addSourceRoutes(scope, parts.sources);
  addHookRoutes(scope, parts.hooks, note);
  addMachineRoutes(scope, parts.machine, note);
}

function addPlainRoutes(server: FastifyInstance, parts: HttpParts): void {
  addPolicyRoutes(server, parts.policy, noteBy(parts.admin));
  addHealthRoutes(server, parts.whyNotAlive);
  addAbsentRoutes(server);
  addMetricsRoutes(server, parts.metrics);
  addWhyRoute(server, parts.explain);
  if (parts.journey !== undefined) addJourneyRoute(server, parts.journey);
  addInspectRoutes(server, parts.look);
  addKeptRoutes(server, parts.look);
}

function makeServer(config: HttpListenerConfig, { tls }: HttpParts): FastifyInstance {
  const unreadable = new Unreadable();
  const common = {
    bodyLimit: config.request_body_limit,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: 'idle',
    logger: false,
    clientErrorHandler: unreadable.refuse,
    frameworkErrors: refuseUrl,
  } as const;
  const server =
    tls === undefined
      ? fastify(common)
      : (fastify({
          ...common,
          https: { ...tls, minVersion: 'TLSv1.2' },
        }) as unknown as FastifyInstance);
  unreadable.watch(server.server);
  return server;
}
