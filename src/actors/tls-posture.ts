/**
 * What TLS must do on the connections of a ready queue: the path's `enable_tls`, the modes of the
 * MTA-STS policies of all queues whose mail goes through it, the memory of broken TLS, and what we
 * show of ourselves. A ready queue is shared by domains with the same exchangers; the strictest
 * among them counts for all. Knows no handshakes and fetches no policy.
 */
import type { StsMode } from '../domain/mta-sts.ts';
import { strictestPosture } from '../domain/mta-sts.ts';
import type { Site } from '../domain/mx-plan.ts';
import type { PathConfig } from '../domain/options-path.ts';
import { brokenTlsMs } from '../domain/options-path.ts';
import { readyQueueName, SMTP_PROTOCOL } from '../domain/site-name.ts';
import type { ConnectionRequest } from './connection/connection.ts';
import type { Core, ReadyQueue, Session } from './core.ts';
import { endConnections } from './ready-queue.ts';

const postureOf = (ready: ReadyQueue): PathConfig['enable_tls'] =>
  strictestPosture(ready.path, ready.stsUses.keys());

/** The posture for one who opens a connection now. */
export function tlsPartsOf(
  core: Core,
  ready: ReadyQueue,
  at: number,
): Pick<ConnectionRequest, 'enableTls' | 'identity' | 'isTlsBroken'> {
  const { tls_certificate, tls_private_key } = ready.path;
  const parts = {
    enableTls: postureOf(ready),
    isTlsBroken: core.brokenTls.isBroken(ready.name, at),
  };
  if (tls_certificate === undefined || tls_private_key === undefined) return parts;
  const certificate = core.readSecret(tls_certificate);
  const key = core.readSecret(tls_private_key);
  const isWhole = certificate !== undefined && key !== undefined;
  return { ...parts, identity: isWhole ? { certificate, key } : 'unreadable' };
}

/**
 * A queue with this site puts mail into `ready`: from here on its policy counts there. It ceases to
 * count when its answer is out of date and no mail is left that may be the queue's. Connections
 * made under another posture end after what they have in hand.
 */
export function notePolicyUse(ready: ReadyQueue, site: Site): void {
  const mode: StsMode = site.mtaSts ?? 'none';
  const { stsUses } = ready;
  const until = Math.max(stsUses.get(mode) ?? 0, site.expiresAt);
  if (stsUses.size === 1 && stsUses.has(mode)) {
    stsUses.set(mode, until);
    return;
  }
  const before = postureOf(ready);
  stsUses.set(mode, until);
  if (postureOf(ready) !== before) endConnections(ready);
}

/** Lets go of modes that no mail in `ready` rests on any more; to be called before it is used. */
export function forgetPolicyUses(ready: ReadyQueue, at: number): void {
  const { stsUses } = ready;
  if (stsUses.size < 2 || ready.size > 0) return;
  for (const session of ready.sessions) if (session.offer !== undefined) return;
  const before = postureOf(ready);
  for (const [mode, until] of stsUses) if (at >= until && stsUses.size > 1) stsUses.delete(mode);
  if (postureOf(ready) !== before) endConnections(ready);
}

// Site names fold; two lists of hosts may share one. Under an enforced policy mail must not go to
// the hosts of the other list.
const goesBeyond = (ready: ReadyQueue, site: Site): boolean =>
  ready.site !== site &&
  !ready.site.hosts.every((host) =>
    site.hosts.some(({ name, port }) => name === host.name && port === host.port),
  );

/** The name of the ready queue that a queue with this site puts its mail into. */
export function readyNameFor(core: Core, source: string, site: Site): string {
  const name = readyQueueName(source, site.site, SMTP_PROTOCOL);
  if (site.mtaSts !== 'enforce') return name;
  const known = core.readyQueues.get(name);
  if (known === undefined || !goesBeyond(known, site)) return name;
  const spelled = site.hosts.map(({ name: host }) => host).join(',');
  return readyQueueName(source, spelled, SMTP_PROTOCOL);
}

/** A connection told how often TLS failed on its way; what is new of it is remembered. */
export function noteTlsFailures(core: Core, session: Session, count: number, at: number): void {
  if (count <= session.tlsFailures) return;
  session.tlsFailures = count;
  const { ready } = session;
  const rememberMs = brokenTlsMs(ready.path);
  if (rememberMs > 0) core.brokenTls.note(ready.name, at + rememberMs);
}
