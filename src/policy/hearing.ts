/**
 * Asking the handlers at the edge, which may take their time: part by part, each after the one
 * before it has answered. The idea: where something is asked the first answer wins, where there is
 * only something to be told all parts are told; a rejection ends both. It does not bound the time a
 * handler takes: its asker does.
 */
import type {
  Heard,
  ReceptionAsker,
  ReceptionCall,
  ReceptionHandler,
} from '../domain/reception-asker.ts';
import { rejectionOf } from '../domain/reject.ts';
import type { AnyHandler, Caller } from './calling.ts';
import { isThenable } from './setup.ts';

/** Handlers whose answer means something; what others return is nobody's business. */
const ANSWERING: ReadonlySet<ReceptionHandler> = new Set([
  'smtp_server_get_dynamic_parameters',
  'smtp_server_ehlo',
  'smtp_server_auth_plain',
  'smtp_server_split_transaction',
  'get_ndr_config',
]);

const NOTHING = { kind: 'nothing' } as const;
const FAULT = { kind: 'fault' } as const;

type Answered<T> = Heard<T> | Promise<Heard<T>>;

function judge(caller: Caller, call: ReceptionCall<unknown>, thrown: unknown): Heard<never> {
  const rejection = rejectionOf(thrown);
  if (rejection !== undefined) return { kind: 'refused', rejection };
  caller.tellThrown(call, thrown);
  return FAULT;
}

function readAnswer<T>(caller: Caller, call: ReceptionCall<T>, raw: unknown): Heard<T> {
  try {
    return { kind: 'answer', value: call.read(raw) };
  } catch (thrown) {
    return judge(caller, call, thrown);
  }
}

function hearFrom<T>(
  caller: Caller,
  call: ReceptionCall<T>,
  handlers: readonly AnyHandler[],
  first: number,
): Answered<T> {
  const isAnswering = ANSWERING.has(call.handler);
  for (let at = first; at < handlers.length; at += 1) {
    const handler = handlers[at] as AnyHandler;
    let raw: unknown;
    try {
      raw = caller.timed(call, () => handler(...call.args));
    } catch (thrown) {
      return judge(caller, call, thrown);
    }
    if (isThenable(raw)) {
      const next = (value: unknown): Answered<T> =>
        isAnswering && value !== undefined
          ? readAnswer(caller, call, value)
          : hearFrom(caller, call, handlers, at + 1);
      return Promise.resolve(raw).then(next, (thrown: unknown) => judge(caller, call, thrown));
    }
    if (isAnswering && raw !== undefined) return readAnswer(caller, call, raw);
  }
  return NOTHING;
}

/** The questions of sessions, over the handlers of a policy. */
export const createReceptionAsker = (caller: Caller): ReceptionAsker => ({
  hears: (handler) => caller.has(handler),
  hear: (call) => hearFrom(caller, call, caller.find(call.handler), 0),
  hearNow: (call) => caller.call(call),
  tell: (handler, sentence) => caller.tell(handler, 'took too long', sentence),
});
