/**
 * Rendering one message of a request without a daemon: what is in it, or why there is none.
 * Deliberately unknown here: what is tested.
 */
import type { Printed } from '../../src/intake/inject/press.ts';
import { openPress } from '../../src/intake/inject/press.ts';

/** A request that nobody minds. */
export const GOOD = {
  envelope_sender: 's@x.test',
  recipients: [{ email: 'u@a.test' }],
  content: { subject: 'x', text_body: 'x' },
};

/** A message of this content, or why there is none. */
export async function print(request: object): Promise<string> {
  try {
    const press = await openPress(Buffer.from(JSON.stringify({ ...GOOD, ...request })));
    try {
      const printed = press.print(0, 0, () => 0)[0] as Printed;
      return 'bytes' in printed
        ? Buffer.from(printed.bytes).toString('latin1')
        : `no: ${printed.why}`;
    } finally {
      press.free();
    }
  } catch (error) {
    return `no: ${(error as Error).message}`;
  }
}
