/**
 * The mail of the fault runs: each message carries its number in envelope and header, and its
 * bytes can be made again from the number alone.
 * The one idea: a copy found anywhere is compared with what was sent without keeping what was sent;
 * only what stands above the probe header (our own trace) may differ.
 * Deliberately unknown here: sockets.
 */
import { createHash } from 'node:crypto';

const PROBE_HEADER = 'X-Waybill-Probe';
const LINE_CHARS = 72;

/** A message of the run. */
export interface Probe {
  readonly number: number;
  readonly from: string;
  readonly to: readonly string[];
  /** The message as it goes on the wire, dots stuffed, without the final dot. */
  readonly wire: Buffer;
  readonly sum: string;
}

/** What shapes the mail of a run. */
export interface ProbeShape {
  readonly domains: number;
  readonly bodyBytes: number;
  /** Every how many messages one has two recipients; 0 = never. */
  readonly pairEvery: number;
}

/** Makes message `number`; the same shape gives the same bytes. */
export function makeProbe(number: number, shape: ProbeShape): Probe {
  const domain = `d${number % shape.domains}.example`;
  const isPair = shape.pairEvery > 0 && number % shape.pairEvery === 0;
  const to = isPair
    ? [`a.${number}@${domain}`, `b.${number}@${domain}`]
    : [`a.${number}@${domain}`];
  const lines = [`${PROBE_HEADER}: ${number}`, 'Subject: probe', ''];
  const count = Math.ceil(shape.bodyBytes / (LINE_CHARS + 2));
  for (let line = 0; line < count; line += 1) {
    // Every seventh line begins with a dot, so that stuffing is tried as well.
    const head = line % 7 === 3 ? '.' : '';
    lines.push(`${head}${number} ${line} `.padEnd(LINE_CHARS, 'abcdefghij'));
  }
  const text = `${lines.join('\r\n')}\r\n`;
  const wire = Buffer.from(text.replace(/^\./gm, '..'), 'latin1');
  return { number, from: `s.${number}@probe.example`, to, wire, sum: sumOfText(text) };
}

/** Number of a message by its envelope sender; NaN when it is none of ours. */
export const numberOfSender = (from: string): number =>
  Number(/^s\.(\d+)@probe\.example$/.exec(from)?.[1] ?? Number.NaN);

/** Hash of a received message from the probe header on; '' when the header is missing. */
export function sumOfReceived(wire: Buffer): string {
  const text = wire.toString('latin1').replace(/^\.\./gm, '.');
  const start = text.indexOf(`${PROBE_HEADER}: `);
  return start === -1 ? '' : sumOfText(text.slice(start));
}

const sumOfText = (text: string): string =>
  createHash('sha256').update(text, 'latin1').digest('hex');
