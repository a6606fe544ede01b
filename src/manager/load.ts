/**
 * What the daemon is to serve: the operator's policy, or the embedded one with its sink. Loading
 * refuses a bad policy before anything is opened. Knows neither log nor engine.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { PolicyAsker } from '../actors/answers.ts';
import type { ListenerConfig } from '../domain/options-listener.ts';
import type { PolicyFault } from '../policy/ask.ts';
import { createPolicyAsker } from '../policy/ask.ts';
import { defaultPolicy } from '../policy/default-policy.ts';
import { loadPolicy } from '../policy/load.ts';
import { runSetup } from '../policy/setup.ts';
import type { DaemonArguments } from './arguments.ts';

/** A policy ready to be asked, and what it wants opened. */
export interface LoadedWorld {
  readonly policy: { readonly hash: string; readonly file: string };
  readonly listeners: readonly ListenerConfig[];
  readonly makeAsker: (onFault: (fault: PolicyFault) => void) => PolicyAsker;
  /** What a newcomer may try next; only for the embedded policy. */
  readonly hint?: (place: string, dir: string) => string;
  close(): Promise<void>;
}

/** Loads what `args` name. */
export function loadWorld(args: DaemonArguments, dir: string): Promise<LoadedWorld> {
  return args.policy === undefined ? loadDefault(args) : loadFile(args.policy, dir);
}

async function loadFile(file: string, dir: string): Promise<LoadedWorld> {
  const { policy, setup, hash, findPlace } = await loadPolicy(file, join(dir, 'policy'));
  return {
    policy: { hash, file },
    listeners: setup.smtpListeners,
    makeAsker: (onFault) => createPolicyAsker(policy, onFault, findPlace),
    close: async () => {},
  };
}

async function loadDefault(args: DaemonArguments): Promise<LoadedWorld> {
  const { startSink } = await import('../cli/sink-server.ts');
  const sink = await startSink();
  const policy = defaultPolicy({ smtpListen: args.smtp, sinkPort: sink.port });
  const setup = runSetup(policy);
  const hash = createHash('sha256').update(`embedded ${sink.port}`).digest('hex').slice(0, 16);
  return {
    policy: { hash, file: 'embedded' },
    listeners: setup.smtpListeners,
    makeAsker: (onFault) => createPolicyAsker(policy, onFault),
    hint: (place, data) => describe(place, data, sink.port),
    close: () => sink.stop(),
  };
}

const describe = (place: string, data: string, sinkPort: number): string => `
All mail ends in a sink inside this process (127.0.0.1:${sinkPort}); nothing leaves the machine.
Data is kept in ${data}. Stop with Ctrl-C. Try next, from another terminal:

  npx waybill traffic --to ${place} --messages 1000        send a thousand messages
  npx waybill traffic --to ${place} --duration 10s         see how many a second it takes
  npx waybill verify ${data}                    prove that none was lost (after stopping)
`;
