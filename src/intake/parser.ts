/**
 * The library's command parser with its data mode replaced: chunks go to the session as they come,
 * searched with native calls, without a stream between.
 * The one idea: only what ends DATA is ours; commands stay the library's. It does not know what the
 * bytes are for. `test/contracts/intake-library.test.ts` pins the internals this leans on.
 */
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';

/** The longest command line; RFC 5321 section 4.5.3.1.4 asks for 512 and room for extensions. */
export const COMMAND_BYTES_MAX = 998;

/** Where the bytes of a data phase go. */
export interface DataTaker {
  /** Answers the offset behind the end of data, or -1. */
  takeData(chunk: Buffer): number;
  /** The message is complete; `resume` lets the client's next commands in, once. */
  endData(resume: () => void): void;
  /** The client has shut its side, and all it said before has been answered. */
  ended(): void;
}

/** A parser whose data phase belongs to the session. */
export class IntakeParser extends SMTPStream {
  private readonly taker: DataTaker;

  constructor(taker: DataTaker) {
    super({ maxCommandLength: COMMAND_BYTES_MAX });
    this.taker = taker;
  }

  /** The replies so far are written; from here on bytes are data, until the final dot. */
  beginData(): void {
    this._dataMode = true;
  }

  override _feedDataStream(chunk: Buffer, done: (error?: Error | null) => void): void {
    const end = this.taker.takeData(chunk);
    if (end === -1) {
      done();
      return;
    }
    this._dataMode = false;
    // What follows the dot waits until the message has its answer (RFC 2920 section 3.1).
    this.taker.endData(() => this._write(chunk.subarray(end), 'buffer', done));
  }

  /** A command that the connection's end cut off is no command. */
  override _flushData(): void {
    this._remainder = '';
    this.taker.ended();
  }
}
