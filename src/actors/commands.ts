/**
 * Wishes from outside: suspend and resume a queue or a source, cancel or move messages; those
 * about many queues at once are decided in admin/ruling.ts. Decided like any other input; refused
 * with a sentence when they make no sense. What is refused leaves no trace.
 */

import type { SourceRow } from '../domain/books.ts';
import { numberOfMessageId } from '../domain/message-id.ts';
import { BY_HAND } from '../domain/source-health.ts';
import type { Refusal } from '../intake/host.ts';
import { newRuleId } from './admin/ids.ts';
import { decideAdmin } from './admin/ruling.ts';
import type { AdminCommand } from './admin/wishes.ts';
import type { Core } from './core.ts';
import type { Command } from './input.ts';
import { rebindOne, rebindQueue } from './rebinding.ts';
import { cancelRow } from './settling.ts';
import { resumeSource, suspendSource } from './suspending.ts';

const refuse = (text: string): Refusal => ({ code: 550, enhanced: '5.0.0', text });

/** Decides a command; `answered` without a refusal comes after the commit. */
export function decideCommand(
  core: Core,
  command: Command,
  answered: (refusal?: Refusal) => void,
  at: number,
): void {
  if (command.kind === 'message.rebind') return rebind(core, command, answered, at);
  if (isAdmin(command)) {
    const why = decideAdmin(core, command, at);
    return core.turns.promise(() => answered(why === undefined ? undefined : refuse(why)));
  }
  const refusal = apply(core, command, at);
  core.turns.promise(() => answered(refusal));
}

type Rebind = Extract<Command, { readonly kind: 'message.rebind' }>;
type Single = Exclude<Command, Rebind | AdminCommand>;

const ADMIN = /^(suspension|purge|rebind|connection|act)\./;
const isAdmin = (command: Command): command is AdminCommand => ADMIN.test(command.kind);

function rebind(
  core: Core,
  command: Rebind,
  answered: (refusal?: Refusal) => void,
  at: number,
): void {
  const { which, isFlush = false, why } = command;
  const say = (text: string): void => core.turns.promise(() => answered(refuse(text)));
  if (command.move === undefined && command.data === undefined && !isFlush) {
    return say('a rebind needs a move, or data for rebind_message');
  }
  const move = command.move ?? (command.data === undefined ? {} : undefined);
  if (move === undefined && !core.answers.hears('rebind_message')) {
    return say('no part of the policy has the handler rebind_message');
  }
  const wish = { move, data: Object.freeze({ ...command.data }), isFlush, why };
  if ('queue' in which) {
    const { queue } = which;
    if (core.books.findQueue(queue) === undefined) return say(`there is no queue ${queue}`);
    return rebindQueue(core, queue, wish, () => answered(), at);
  }
  const slot = core.books.rows.find(numberOfMessageId(which.id));
  if (slot < 0) return say(`message ${which.id} is not queued here`);
  if (!rebindOne(core, slot, wish, at)) {
    return say(`message ${which.id} is on its way just now; try again`);
  }
  core.turns.promise(() => answered());
}

function apply(core: Core, command: Single, at: number): Refusal | undefined {
  switch (command.kind) {
    case 'queue.suspend':
    case 'queue.resume':
      return applyToQueue(core, command, at);
    case 'source.suspend':
    case 'source.resume':
      return applyToSource(core, command, at);
    case 'message.cancel': {
      const slot = core.books.rows.find(numberOfMessageId(command.id));
      if (slot < 0) return refuse(`message ${command.id} is not queued here`);
      if (cancelRow(core, slot, command.why)) return undefined;
      return refuse(`message ${command.id} is being delivered just now; try again`);
    }
  }
}

/** A suspension of one queue is one by criteria that names it and no other. */
function applyToQueue(
  core: Core,
  command: Extract<Single, { readonly queue: string }>,
  at: number,
): Refusal | undefined {
  const row = core.books.findQueue(command.queue);
  if (row === undefined) return refuse(`there is no queue ${command.queue}`);
  const criteria = { queue_names: [row.name] };
  if (command.kind === 'queue.resume') {
    const own = core.books.rules.findSame({ kind: 'suspension', criteria, ready: '' });
    if (own !== undefined) {
      decideAdmin(core, { kind: 'suspension.lift', id: own.id, isReady: false }, at);
      return undefined;
    }
    const wide = core.rules.verdictOf(row).suspension;
    if (wide !== undefined) return refuse(`queue ${row.name} is suspended by the rule ${wide.id}`);
    if (row.state !== 'suspended') return refuse(`queue ${row.name} is not suspended`);
    // Suspended by an earlier version, which knew no rules.
    core.turns.emit({ type: 'queue.resumed', stream: row.name, body: {} });
    return undefined;
  }
  if (command.until <= at) return refuse('the end of the suspension lies in the past');
  const { until, why } = command;
  const id = newRuleId(core);
  const wish = { kind: 'suspension.place', id, about: { criteria }, span: { until }, why } as const;
  decideAdmin(core, wish, at);
  return undefined;
}

function applyToSource(
  core: Core,
  command: Extract<Single, { source: string }>,
  at: number,
): Refusal | undefined {
  const { source } = command;
  const row = core.books.sources.get(source) ?? openSource(core, source, at);
  if (row === undefined) return refuse(`there is no source ${source}`);
  if (command.kind === 'source.resume') {
    if (row.state !== 'suspended') return refuse(`source ${source} is not suspended`);
    resumeSource(core, source, command.by);
    return undefined;
  }
  const { until, why } = command;
  if (until <= at) return refuse('the end of the suspension lies in the past');
  const hand = { reason: BY_HAND, count: 0, failures: [], by: command.by } as const;
  suspendSource(core, source, { until, cause: why, ...hand }, at);
  return undefined;
}

/** A source that nobody has used yet is as good as any, if the policy knows it. */
function openSource(core: Core, source: string, at: number): SourceRow | undefined {
  core.answers.findSource(source, at);
  return core.books.sources.get(source);
}
