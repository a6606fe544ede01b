/**
 * What a sink shows of the messages it took: on standard output, or as a file each. The one idea:
 * a message is shown as it was before its dots were doubled, byte for byte in files and made
 * harmless on terminals. Knows nothing of connections.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Copy } from './sink-copy.ts';
import { unstuff } from './sink-copy.ts';
import type { SinkOptions } from './sink-server.ts';
import type { Ending } from './sink-world.ts';
import { CommandFailure, counted, explain, harmless, print } from './terminal.ts';

/** How much of each message is printed. */
export const SHOWN = ['headers', 'all'] as const;
/** One of SHOWN. */
export type Shown = (typeof SHOWN)[number];

/** Octets of one message that are printed; files have all of it. */
const SHOWN_BYTES_MAX = 256 * 1024;
const HEADER_END = Buffer.from('\r\n\r\n');
const NAME = /^(\d+)\.eml$/;
const DIGITS = 6;

/** What is to be done with messages. */
export interface ShowWishes {
  readonly show?: Shown | undefined;
  /** A folder; it is made where it is missing. */
  readonly dump?: string | undefined;
}

/** Hears of each message; undefined where nothing is wanted. Throws where there is no folder. */
export function showCopies(
  { show, dump }: ShowWishes,
  failed: (failure: CommandFailure) => void,
): SinkOptions['onCopy'] {
  if (show === undefined && dump === undefined) return undefined;
  let number = dump === undefined ? 0 : lastNumber(dump);
  return (copy, ending, wire) => {
    const message = unstuff(wire);
    number += 1;
    const file = dump === undefined ? undefined : join(dump, nameOf(number));
    try {
      if (file !== undefined) writeFileSync(file, message, { flag: 'wx' });
    } catch (error) {
      return failed(new CommandFailure(`cannot write ${file}: ${explain(error)}.`));
    }
    if (show !== undefined) print(describeMessage(copy, ending, message, show, file));
  };
}

/** The heading of a message, and as much of it as is wanted. */
export function describeMessage(
  copy: Copy,
  ending: Ending,
  message: Buffer,
  show: Shown,
  file?: string,
): string {
  const to = copy.to.map((one) => `<${one}>`).join(' ');
  const heard = ending === 'copy' ? '' : '; its client heard no answer';
  const where = file === undefined ? '' : `; ${file}`;
  const head = `=== from <${copy.from}> to ${to}, ${counted(copy.bytes, 'byte')}${heard}${where}`;
  const gap = message.indexOf(HEADER_END);
  const whole = show === 'headers' && gap >= 0 ? message.subarray(0, gap) : message;
  const cut = whole.length > SHOWN_BYTES_MAX ? [`=== cut after ${SHOWN_BYTES_MAX} bytes`] : [];
  const text = whole.toString('utf8', 0, SHOWN_BYTES_MAX).replaceAll('\r\n', '\n').trimEnd();
  return [harmless(head), text, ...cut, ''].join('\n');
}

const nameOf = (number: number): string => `${String(number).padStart(DIGITS, '0')}.eml`;

/** What lies there from before stays: numbers go on behind it. */
function lastNumber(dir: string): number {
  try {
    mkdirSync(dir, { recursive: true });
    const numbers = readdirSync(dir).map((name) => Number(NAME.exec(name)?.[1] ?? 0));
    return numbers.reduce((most, one) => Math.max(most, one), 0);
  } catch (error) {
    throw new CommandFailure(`cannot write to ${dir}: ${explain(error)}.`);
  }
}
