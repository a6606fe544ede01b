/**
 * A client of SMTP that keeps all that it heard, and what replies must look like. Deliberately
 * unknown here: what is said.
 */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { connect as secure } from 'node:tls';
import { RawClient, wait } from './intake-world.ts';

/** A client that has ended hears for so long what is left to be said. */
const PATIENCE_MS = 1_000;

// RFC 5321 section 4.2: three digits of their ranges, text of TAB and printable ASCII, CRLF.
const REPLY_LINE = /^[2-5][0-5]\d(?:[ -][\t\x20-\x7e]*)?\r\n$/;
const LINE_OCTETS_MAX = 512;

/** What was said, in clear and inside TLS, is whole replies but for what a break cut off. */
export function checkReplies(heard: string): void {
  const lines = heard.split(/(?<=\n)/);
  const last = lines.at(-1) ?? '';
  if (!last.endsWith('\r\n')) lines.pop();
  let code: string | undefined;
  for (const said of lines) {
    assert.match(said, REPLY_LINE);
    assert.ok(said.length <= LINE_OCTETS_MAX, `${said.length} octets`);
    assert.ok(code === undefined || said.startsWith(code), `${said} goes on ${code}`);
    code = said[3] === '-' ? said.slice(0, 3) : undefined;
  }
}

/** A client that keeps all that it heard. */
export class Teller {
  #client: RawClient;
  /** Below TLS, where there is TLS. */
  readonly #socket: Socket;
  said = '';
  isCut = false;

  constructor(client: RawClient) {
    this.#client = client;
    this.#socket = client.socket;
  }

  static dial(port: number): Teller {
    return new Teller(new RawClient(connect(port, '127.0.0.1')));
  }

  send(bytes: string): void {
    this.#client.send(bytes);
  }

  async reply(): Promise<string> {
    const reply = await this.#client.reply();
    if (reply !== '') this.said += `${reply}\r\n`;
    return reply;
  }

  enterTls(): void {
    const { socket } = this.#client;
    socket.removeAllListeners('data');
    const inner = secure({ socket, rejectUnauthorized: false });
    this.#client = new RawClient(inner);
  }

  async leave(ending: 'quit' | 'end' | 'reset'): Promise<void> {
    const { socket } = this.#client;
    if (ending === 'reset') {
      socket.destroy();
      this.#socket.resetAndDestroy();
    } else {
      if (ending === 'quit') this.#client.send('QUIT\r\n');
      socket.end();
    }
    // Who ends within a handshake would wait for client_timeout.
    await Promise.race([this.#client.over(), wait(PATIENCE_MS)]);
    this.isCut = ending === 'reset' || !this.#client.isOver;
    this.#socket.destroy();
    this.said += this.#client.heard;
  }
}
