/**
 * A client that has shut its side of the connection is still owed its replies (RFC 5321 section
 * 4.2: each command has exactly one). The library falls silent as soon as it sees the end.
 * The one idea: for a socket that can be written, the library's question "is it open" is answered
 * with yes. It does not know what is replied.
 */
import type { Socket } from 'node:net';

/** Lets the library write to a socket whose peer has ended; changes nothing on any other. */
export function keepAnswering(socket: Socket): void {
  if (socket.readyState !== 'writeOnly') return;
  Object.defineProperty(socket, 'readyState', {
    get: () => (socket.writable ? 'open' : 'closed'),
  });
}
