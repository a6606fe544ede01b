/**
 * Wishes from outside: suspend and resume a queue or a source, cancel a message. Decided like any
 * other input; refused with a sentence when they make no sense. What is refused leaves no trace.
 */

import { numberOfMessageId } from '../domain/message-id.ts';
import type { Refusal } from '../intake/host.ts';
import type { Core } from './core.ts';
import type { Command } from './input.ts';
import { cancelRow } from './settling.ts';

const refuse = (text: string): Refusal => ({ code: 550, enhanced: '5.0.0', text });

/** Decides a command; `answered` without a refusal comes after the commit. */
export function decideCommand(
  core: Core,
  command: Command,
  answered: (refusal?: Refusal) => void,
  at: number,
): void {
  const refusal = apply(core, command, at);
  core.turns.promise(() => answered(refusal));
}

function apply(core: Core, command: Command, at: number): Refusal | undefined {
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

function applyToQueue(
  core: Core,
  command: Extract<Command, { queue: string }>,
  at: number,
): Refusal | undefined {
  const row = core.books.findQueue(command.queue);
  if (row === undefined) return refuse(`there is no queue ${command.queue}`);
  const stream = row.name;
  if (command.kind === 'queue.resume') {
    if (row.state !== 'suspended') return refuse(`queue ${stream} is not suspended`);
    core.turns.emit({ type: 'queue.resumed', stream, body: {} });
    return undefined;
  }
  if (command.until <= at) return refuse('the end of the suspension lies in the past');
  const body = { until: command.until, cause: command.why };
  core.turns.emit({ type: 'queue.suspended', stream, body });
  return undefined;
}

function applyToSource(
  core: Core,
  command: Extract<Command, { source: string }>,
  at: number,
): Refusal | undefined {
  const row = core.books.sources.get(command.source);
  if (row === undefined) return refuse(`there is no source ${command.source}`);
  const stream = row.name;
  if (command.kind === 'source.resume') {
    if (row.state !== 'suspended') return refuse(`source ${stream} is not suspended`);
    core.turns.emit({ type: 'source.resumed', stream, body: {} });
    return undefined;
  }
  if (command.until <= at) return refuse('the end of the suspension lies in the past');
  const body = { until: command.until, cause: command.why };
  core.turns.emit({ type: 'source.suspended', stream, body });
  return undefined;
}
