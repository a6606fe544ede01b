/**
 * A policy comes into force: from this turn on the new one is asked, nothing kept of the old one is
 * used, and everything configured follows. The event is durable before anybody is told that it is
 * in force. Loads and judges no policy.
 */
import type { NdrDuties } from '../domain/ndrs.ts';
import type { PolicyAsker } from '../domain/policy-asker.ts';
import type { Core } from './core.ts';
import { hastenSourceless } from './hastening.ts';
import { forgetRoute } from './queue/configuring.ts';
import { startSweep } from './sweeping.ts';

/** A version of the policy to be put in force. */
export interface PolicyUse {
  readonly asker: PolicyAsker;
  /** Its number in the policy store. */
  readonly version: number;
  readonly hash: string;
  readonly file: string;
  readonly reason: string;
  readonly epoch: number;
  /** Whether MTA-STS policies of receivers are looked for; absent = yes. */
  readonly isMtaStsEnabled?: boolean;
  /** Which failures are reported to senders; absent = none. */
  readonly ndrDuties?: NdrDuties | undefined;
}

/** Puts a version in force. */
export function usePolicy(core: Core, use: PolicyUse, at: number): void {
  const { asker, version, hash, file, reason, epoch } = use;
  const body = { version, hash, file, reason, epoch };
  core.turns.emit({ type: 'policy.activated', stream: 'policy', body });
  switchMtaSts(core, use.isMtaStsEnabled ?? true);
  core.ndrs.duties = use.ndrDuties;
  renew(core, at, asker);
}

/** Turns MTA-STS on or off; routes made the other way are made anew before they are used. */
export function switchMtaSts(core: Core, isEnabled: boolean): void {
  if (core.sts.isEnabled === isEnabled) return;
  core.sts.isEnabled = isEnabled;
  for (const queue of core.queues.values()) {
    forgetRoute(queue);
    core.touchedQueues.add(queue);
  }
  // What the operator switched off counts no longer, not even for mail that waits already.
  if (!isEnabled) for (const { stsUses } of core.readyQueues.values()) stsUses.clear();
}

/** The same version is asked anew by everybody: something that it reads has changed. */
export function bumpEpoch(core: Core, epoch: number, reason: string, at: number): void {
  const { policy: hash, policyFile: file, policyVersion: version } = core.books.engine;
  const body = { version, hash, file, reason, epoch };
  core.turns.emit({ type: 'policy.activated', stream: 'policy', body });
  renew(core, at);
}

function renew(core: Core, at: number, asker?: PolicyAsker): void {
  core.answers.renew(asker);
  // The manager's count may begin anew with the manager; this one only tells old from new.
  core.epoch += 1;
  startSweep(core, at);
  hastenSourceless(core, at);
}

/** A handler of the policy failed: said once to the operator and kept in the log. */
export function notePolicyFault(core: Core, handler: string, sentence: string): void {
  core.log('error', `policy: ${sentence}`);
  core.tallies.policyFaults += 1;
  const body = { handler, sentence };
  const run = (): void => core.turns.emit({ type: 'policy.faulted', stream: 'policy', body });
  core.turns.push({ kind: 'run', run });
}
