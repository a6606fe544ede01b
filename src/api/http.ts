/**
 * An HTTP listener: who may come in, and the routes that every listener has. Peers outside
 * `trusted_hosts` are refused whatever they ask. Knows neither manager nor engine: what a route
 * does is lent to it.
 */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { fastify } from 'fastify';
import { matches } from '../domain/cidr.ts';
import type { HttpListenerConfig } from '../domain/options-http.ts';
import type { HookDesk } from '../projections/hook-status.ts';
import type { AdminDesk } from './admin-routes.ts';
import { addAdminRoutes } from './admin-routes.ts';
import { addHookRoutes } from './hook-routes.ts';
import type { InjectRouteParts } from './inject-routes.ts';
import { addInjectRoutes } from './inject-routes.ts';
import type { Metrics } from './metrics.ts';
import type { SmtpTraces } from './smtp-trace-hub.ts';
import type { SourceControl } from './source-routes.ts';
import { addSourceRoutes } from './source-routes.ts';
import { addTraceRoutes } from './trace-routes.ts';
import type { Explain } from './why-route.ts';
import { addWhyRoute } from './why-route.ts';

/** What the routes stand on. */
export interface HttpParts {
  /** The identity, for a listener with `use_tls`. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly metrics: Metrics;
  /** Why no mail is taken just now; undefined when all is well. */
  readonly whyNotAlive: () => string | undefined;
  /** Asks for a reload and a new epoch; what comes of it is told elsewhere. */
  readonly requestBump: (reason: string) => void;
  /** Why something waits; a sentence where there is no such thing. */
  readonly explain: Explain;
  /** Sees to what operators wish of queues and messages. */
  readonly admin: AdminDesk;
  readonly sources: SourceControl;
  /** Sees to the log hooks. */
  readonly hooks: HookDesk;
  /** Where SMTP conversations are shown; absent: nowhere. */
  readonly traces?: SmtpTraces;
  /** Takes messages; absent: nobody does here. */
  readonly inject?: InjectRouteParts;
}

/** A listener, open. */
export interface HttpListener {
  readonly address: string;
  readonly port: number;
  stop(graceMs: number): Promise<void>;
}

const BUMP = '/api/admin/bump-config-epoch';
/** A request that has not come wholly within this is given up, ms. */
const REQUEST_MS_MAX = 30_000;

/** Opens the listener; rejects with what the system says when the address cannot be had. */
export async function startHttpListener(
  config: HttpListenerConfig,
  parts: HttpParts,
): Promise<HttpListener> {
  const server = makeServer(config, parts);
  // RFC 9110 section 15.5.2 wants a challenge with 401, but here no credentials would help: only
  // the address counts. Asked first, so that a stranger cannot even learn which routes there are.
  server.addHook('onRequest', async (request, reply) => {
    if (matches(config.trusted_hosts, request.socket.remoteAddress ?? '')) return;
    await reply.code(401).send({ error: 'this address is not in trusted_hosts of the listener' });
  });
  addSourceRoutes(server, parts.sources);
  // These read bodies, in a scope of their own.
  await server.register((scope, _options, done) => {
    addAdminRoutes(scope, parts.admin);
    addHookRoutes(scope, parts.hooks);
    done();
  });
  const { inject } = parts;
  await server.register((scope, _options, done) => {
    if (inject !== undefined) addInjectRoutes(scope, inject);
    done();
  });
  // No other route reads a body, so any kind of one is as good as none; its size is still bounded.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
  server.post(BUMP, async (_request, reply) => {
    parts.requestBump(`POST ${BUMP}`);
    await reply.code(200).send();
  });
  server.get('/api/check-liveness/v1', async (_request, reply) => {
    const why = parts.whyNotAlive();
    await reply
      .code(why === undefined ? 200 : 503)
      .type('text/plain')
      .send(why ?? 'OK');
  });
  server.get('/metrics', async (_request, reply) => {
    await reply.type(parts.metrics.contentType).send(await parts.metrics.page());
  });
  addWhyRoute(server, parts.explain);
  if (parts.traces !== undefined) await addTraceRoutes(server, parts.traces);
  const { address, port } = config.listen;
  await server.listen({ host: address, port });
  const bound = server.server.address() as AddressInfo;
  return {
    address: bound.address,
    port: bound.port,
    // Answers under way are finished; idle connections are closed at once.
    stop: () => server.close(),
  };
}

function makeServer(config: HttpListenerConfig, { tls }: HttpParts): FastifyInstance {
  const common = {
    bodyLimit: config.request_body_limit,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: 'idle',
    logger: false,
  } as const;
  if (tls === undefined) return fastify(common);
  const server = fastify({ ...common, https: { ...tls, minVersion: 'TLSv1.2' } });
  return server as unknown as FastifyInstance;
}
