/**
 * Those who submit: each arrival becomes a message at the door, and what was answered is counted.
 * The one idea: bodies are filling of a bounded length, for a day of mail must fit into memory even
 * where none of it can leave; sizes are counted in full. A refused message is not tried again.
 */
import type { Outcome } from '../../intake/taking.ts';
import type { Door } from '../door.ts';
import type { Arriving } from '../traffic/arriving.ts';
import type { Replies } from './replies.ts';
import type { ReceptionFigures } from './report.ts';

/** Octets of a body that are simulated. */
export const BODY_BYTES_MAX = 1_024;
const LINE = 'The quick brown fox jumps over the lazy dog, time and again and again.\r\n';
const FILLING = LINE.repeat(Math.ceil(BODY_BYTES_MAX / LINE.length));

/** Submits, and counts the answers. */
export class Clients {
  readonly #door: Door;
  readonly #replies: Replies;
  readonly #counts = { submitted: 0, bytes: 0, accepted: 0, refused: 0, discarded: 0 };

  constructor(door: Door, replies: Replies) {
    this.#door = door;
    this.#replies = replies;
  }

  /** Submits one message; resolves once reception has looked at it. */
  submit({ from, to, meta, bytes }: Arriving): Promise<void> {
    const counts = this.#counts;
    counts.submitted += 1;
    counts.bytes += bytes;
    const subject = `Subject: message ${counts.submitted}\r\n`;
    const head = `From: <${from}>\r\nTo: ${to.join(',\r\n ')}\r\n${subject}\r\n`;
    const body = FILLING.slice(0, Math.min(bytes, BODY_BYTES_MAX));
    const letter = { from, to, meta, bytes: Buffer.from(`${head}${body}\r\n`, 'latin1') };
    return this.#door.submit(letter, (outcome) => this.#settle(outcome));
  }

  figures(): ReceptionFigures {
    const { submitted, accepted, refused, discarded } = this.#counts;
    return { ...this.#counts, unanswered: submitted - accepted - refused - discarded };
  }

  #settle(outcome: Outcome): void {
    const counts = this.#counts;
    if ('code' in outcome) {
      counts.refused += 1;
      this.#replies.note('refused', outcome, 1);
    } else if (outcome.every(({ queue }) => queue === 'null')) counts.discarded += 1;
    else counts.accepted += 1;
  }
}
