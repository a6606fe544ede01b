/**
 * amqplib, loaded when the first hook needs it, with one hole closed: until its handshake is over
 * nobody can listen for errors of a connection, so a frame too many in the last answer of a server
 * throws out of an event handler and would end the process.
 * The one idea: each connection gets a listener at its birth; what went wrong is still told to
 * whoever waits for it. Deliberately unknown here: what is done with connections.
 */
import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { connect } from 'amqplib';

/** What the library gives. */
export interface AmqpLibrary {
  readonly connect: typeof connect;
}

interface OpeningConnection extends EventEmitter {
  open(fields: object, opened: (error: Error | null, ok?: unknown) => void): void;
}

let library: AmqpLibrary | undefined;

/** Loads the library. */
export async function loadAmqp(): Promise<AmqpLibrary> {
  if (library === undefined) {
    const { default: loaded } = await import('amqplib');
    listenFromBirth();
    library = loaded;
  }
  return library;
}

/**
 * The class is not among the library's exports, but lies beside them, in a version that is pinned.
 */
function listenFromBirth(): void {
  const require = createRequire(import.meta.url);
  const path = join(dirname(require.resolve('amqplib')), 'lib', 'connection.js');
  const { prototype } = (require(path) as { Connection: { prototype: OpeningConnection } })
    .Connection;
  const { open } = prototype;
  prototype.open = function (this: OpeningConnection, fields, opened) {
    let fault: Error | undefined;
    this.on('error', (error: Error) => {
      fault ??= error;
    });
    return open.call(this, fields, (error, ok) => opened(error ?? fault ?? null, ok));
  };
}
