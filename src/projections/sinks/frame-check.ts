/**
 * Frames of the Kafka protocol, looked at before a client library reads them: each begins with its
 * length, four bytes, big-endian (https://kafka.apache.org/protocol), and has at least a number.
 * The one idea: kafkajs throws out of an event handler at a length that cannot be, which would end
 * the process, and keeps bytes for any length, so impossible and huge ones end the link here.
 * Deliberately unknown here: what is in a frame.
 */
import type { Socket } from 'node:net';

const LENGTH_BYTES = 4;
const FRAME_BYTES_MIN = 4;
/** Answers to a producer are small; the largest is the list of a cluster's topics. */
export const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** Follows the frames of one stream, however it is split. */
export class FrameCheck {
  /** Bytes of the current frame yet to come. */
  #left = 0;
  #head = 0;
  #headBytes = 0;

  /** Takes the next bytes; throws when they begin a frame that cannot be. */
  take(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at);
        this.#left -= step;
        at += step;
      } else {
        this.#head = this.#head * 256 + (bytes[at] ?? 0);
        this.#headBytes += 1;
        at += 1;
        if (this.#headBytes === LENGTH_BYTES) this.#begin();
      }
    }
  }

  #begin(): void {
    const length = this.#head;
    this.#head = 0;
    this.#headBytes = 0;
    if (length < FRAME_BYTES_MIN || length > FRAME_BYTES_MAX) {
      throw new Error(`this is not Kafka: an answer of ${length} bytes is announced`);
    }
    this.#left = length;
  }
}

/**
 * From now on whoever listens for data gets it checked, and what the listener throws ends the link.
 */
export function guardFrames(socket: Socket): void {
  const check = new FrameCheck();
  const listen = socket.on.bind(socket) as (
    event: string,
    listener: (...args: never[]) => void,
  ) => Socket;
  const guarded = (listener: (bytes: Buffer) => void) => (bytes: Buffer) => {
    try {
      check.take(bytes);
      listener(bytes);
    } catch (error) {
      socket.destroy(error as Error);
    }
  };
  const on = (event: string, listener: (...args: never[]) => void): Socket =>
    listen(event, event === 'data' ? guarded(listener as (bytes: Buffer) => void) : listener);
  Object.defineProperty(socket, 'on', { value: on });
}
