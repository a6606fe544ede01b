/**
 * From a message that is good to be stored to the drafts of it: by way of the policy where it wants
 * to see it, else the shortest way. It does not know sockets, and stores nothing.
 */
import type { SessionSettings } from '../domain/options-listener.ts';
import type { Desk } from './desk.ts';
import { plainDrafts } from './drafts.ts';
import type { Interview } from './interview.ts';
import type { Arrival, Judged } from './message-intake.ts';
import type { Received } from './reception.ts';
import { receive } from './reception.ts';
import type { Taking } from './taking.ts';
import type { Visit } from './visit.ts';

/** The session that a message came in. */
export interface Bringer {
  readonly desk: Desk;
  readonly settings: SessionSettings;
  readonly visit: Visit;
  readonly interview: Interview;
  readonly isGone: () => boolean;
  /** Hears what is about to be stored. */
  readonly noted: (received: Received) => void;
}

/** Draws a message up and has it taken in, or refused by what the policy says. */
export function drawUp(
  { desk, settings, visit, interview, isGone, noted }: Bringer,
  taking: Taking,
  arrival: Arrival,
  message: Judged & { readonly eightBit: boolean },
): void {
  if (visit.isPlain && !interview.hearsMessages) {
    const findMeta = () => visit.meta.all();
    const drafts = plainDrafts(desk, arrival, message, settings, findMeta);
    noted({ drafts, discarded: [] });
    taking.begin(arrival, { drafts, discarded: [] });
    return;
  }
  const note = (text: string) => desk.note('error', text);
  const isOver = () => taking.isOver || isGone();
  const { host } = desk;
  const { bytes } = message;
  const order = { host, interview, meta: visit.meta, settings, arrival, bytes, isOver, note };
  void receive(order).then((received) => {
    if ('code' in received) taking.end(received);
    else {
      noted(received);
      taking.begin(arrival, received);
    }
  });
}
