/**
 * What operators do to single things: a connection that is to end, and notes of what was done
 * outside the engine, so that the log says who did it and why. Places no rule.
 */
import type { Core } from '../core.ts';
import { cutSession } from '../settling.ts';
import type { AdminCommand, Wisher } from './wishes.ts';

type Wish<K extends AdminCommand['kind']> = Wisher & Extract<AdminCommand, { readonly kind: K }>;

/**
 * Ends a connection at once: a message in its hands is offered elsewhere, or, where the final dot
 * may be out, is of unknown outcome. Answers why not, or undefined.
 */
export function abortConnection(
  core: Core,
  { ready: name, session: uuid, why, by }: Wish<'connection.abort'>,
  at: number,
): string | undefined {
  const ready = core.readyQueues.get(name);
  if (ready === undefined) return `there is no ready queue ${name}`;
  const session = [...ready.sessions].find((one) => one.uuid === uuid);
  if (session === undefined) return `${name} has no connection with the session id ${uuid}`;
  noteAct(core, { act: 'connection.abort', about: `${uuid} of ${name}`, why, by });
  cutSession(core, session, `an operator ended the connection: ${why}`, at);
  return undefined;
}

/** Writes down who did what to what, and why. */
export function noteAct(
  core: Core,
  note: Wisher & { readonly act: string; readonly about: string; readonly why: string },
): void {
  const { act, about, why: cause, by = '' } = note;
  core.turns.emit({ type: 'operator.acted', stream: 'operator', body: { act, about, by, cause } });
}
