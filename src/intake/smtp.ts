/**
 * Starts and stops an SMTP listener: smtp-server with our sessions in it.
 * The one idea: the library is told to refuse everything we do not do (AUTH, XCLIENT, LMTP, its
 * own key), so that a forgotten option fails closed. It does not know messages.
 */
import type { Server, ServerOpts, Socket } from 'node:net';
import { hostname as readMachineName } from 'node:os';
import type { SMTPServerOptions } from 'smtp-server';
import { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { OptionError } from '../domain/option-error.ts';
import type { ListenerConfig } from '../domain/options-listener.ts';
import type { Bodies, Clock, Ms } from '../ports/ports.ts';
import type { SmtpTrace } from '../ports/smtp-trace.ts';
import type { ListenerCounts } from './desk.ts';
import { Desk } from './desk.ts';
import type { IntakeHost, Log } from './host.ts';
import { IDENTITY_MS_MAX, SWEEP_MS } from './limits.ts';
import { Session } from './session.ts';
import type { TransactionTimes } from './times.ts';
import type { TlsIdentity } from './tls-identity.ts';
import { readTlsIdentity } from './tls-identity.ts';

/** A listener that runs. */
export interface SmtpListener {
  readonly address: string;
  readonly port: number;
  sessions(): number;
  readonly counts: Readonly<ListenerCounts>;
  readonly times: TransactionTimes;
  /** Takes no new mail; messages being received have `graceMs` to be finished and answered. */
  stop(graceMs: Ms): Promise<void>;
}

type Options = SMTPServerOptions & ServerOpts;

const REFUSED_COMMANDS = ['AUTH', 'XCLIENT', 'XFORWARD', 'WIZ', 'SHELL', 'KILL', 'LHLO'];

function serverOptions(desk: Desk, identity: TlsIdentity | undefined): Options {
  const disabledCommands =
    identity === undefined ? [...REFUSED_COMMANDS, 'STARTTLS'] : REFUSED_COMMANDS;
  return {
    ...identity,
    name: desk.machineName,
    disabledCommands,
    logger: false,
    authOptional: true,
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: false,
    heloResponse: '%s',
    socketTimeout: desk.config.client_timeout,
    noDelay: true,
    allowHalfOpen: true,
    onConnect: (_session, callback) => callback(),
    onSecure: (_socket, _session, callback) => callback(),
  };
}

class Reception extends SMTPServer {
  private readonly desk: Desk;
  private accepted = 0;

  constructor(desk: Desk, options: Options) {
    super(options);
    this.desk = desk;
  }

  /** The library draws random bytes for the name of each connection; a number will do. */
  override _handleProxy(
    _socket: Socket,
    callback: (error: Error | null, options?: { id: string }) => void,
  ): void {
    this.accepted += 1;
    callback(null, { id: this.accepted.toString(36) });
  }

  override connect(socket: Socket, options?: SMTPConnectionOptions | null): void {
    const session = new Session(this.desk, this, socket, options ?? {});
    this.connections.add(session);
    session.on('error', (error: Error) => {
      this.desk.note('info', `${session.peer} lost: ${error.message}`);
    });
    session.init();
  }
}

function refuseUnsupported(config: ListenerConfig): void {
  const unsupported = ['require_proxy_protocol', 'allow_xclient', 'deferred_queue'] as const;
  for (const key of unsupported) {
    if (config[key]) {
      throw new OptionError(
        'smtpListener',
        key,
        'is not supported',
        'remove it or set it to false',
      );
    }
  }
}

const listen = (server: Server, config: ListenerConfig): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.listen.port, config.listen.address, 1024, () => {
      server.off('error', reject);
      resolve();
    });
  });

/** Binds and serves, in sight of `trace`; rejects with the reason when it cannot. */
export async function startSmtpListener(
  config: ListenerConfig,
  host: IntakeHost,
  bodies: Bodies,
  clock: Clock,
  log: Log,
  trace?: SmtpTrace,
): Promise<SmtpListener> {
  refuseUnsupported(config);
  const desk = new Desk(config, host, bodies, clock, log, readMachineName(), trace);
  const reception = new Reception(desk, serverOptions(desk, readTlsIdentity(config)));
  reception.on('error', (error: Error) => desk.note('error', error.message));
  await listen(reception.server, config);
  const bound = reception.server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the listener has no address');
  desk.listener = `${bound.address}:${bound.port}`;
  const timers = startTimers(desk, reception);
  return {
    address: bound.address,
    port: bound.port,
    sessions: () => desk.guests.size,
    counts: desk.counts,
    times: desk.times,
    stop: async (graceMs) => {
      await stop(desk, reception.server, graceMs);
      for (const timer of timers) clearInterval(timer);
    },
  };
}

function startTimers(desk: Desk, reception: Reception): NodeJS.Timeout[] {
  const sweep = setInterval(() => {
    const nowMs = desk.clock.steadyMs();
    for (const guest of desk.guests) guest.checkDeadline(nowMs);
  }, SWEEP_MS);
  const renewal = setInterval(() => {
    try {
      const identity = readTlsIdentity(desk.config);
      if (identity !== undefined) reception.updateSecureContext({ ...identity });
    } catch (error) {
      desk.note('error', `the certificate cannot be read again: ${String(error)}`);
    }
  }, IDENTITY_MS_MAX);
  return [sweep.unref(), renewal.unref()];
}

async function stop(desk: Desk, server: Server, graceMs: Ms): Promise<void> {
  desk.isClosing = true;
  const closed = new Promise((resolve) => server.close(resolve));
  const evict = setTimeout(() => {
    for (const guest of desk.guests) guest.evict();
  }, graceMs);
  for (const guest of desk.guests) guest.dismiss();
  await Promise.all([closed, desk.waitUntilEmpty()]);
  clearTimeout(evict);
}
