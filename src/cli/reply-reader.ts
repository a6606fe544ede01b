/**
 * Cuts what a server says into replies (RFC 5321 section 4.2), however the bytes arrive. For the
 * load source only: it is lenient and quick; the engine's own reading is in the connection's
 * dialogue. Knows nothing of what was asked.
 */

/** Longer lines than this are no SMTP. */
const LINE_MAX = 16_384;
const LF = 10;

/** Calls `heard` once for each complete reply; code 0 is something that is no reply. */
export class ReplyReader {
  private readonly heard: (code: number, text: string) => void;
  private fragment = '';
  private lines = '';

  constructor(heard: (code: number, text: string) => void) {
    this.heard = heard;
  }

  /** Takes the next bytes; they may be overwritten after the call. */
  feed(chunk: Buffer): void {
    let at = 0;
    for (;;) {
      const end = chunk.indexOf(LF, at);
      if (end < 0) break;
      const line = this.fragment + chunk.toString('latin1', at, end);
      this.fragment = '';
      at = end + 1;
      this.takeLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    }
    if (at < chunk.length) this.fragment += chunk.toString('latin1', at, chunk.length);
    if (this.fragment.length > LINE_MAX) {
      this.fragment = '';
      this.heard(0, 'a line without an end');
    }
  }

  private takeLine(line: string): void {
    const code = /^[2-5][0-9][0-9](?:[ -]|$)/.test(line) ? Number(line.slice(0, 3)) : 0;
    if (code !== 0 && line[3] === '-') {
      this.lines += `${line.slice(4)}\n`;
      return;
    }
    const text = this.lines + line.slice(4);
    this.lines = '';
    this.heard(code, text);
  }
}
