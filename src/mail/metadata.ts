/**
 * Metadata by name: of a connection, and of a message, which begins with a copy of them. The idea:
 * values are kept as JSON text, so nobody changes them from outside and their size is known; too
 * much is refused to the client, since it is mostly its header that makes it. Knows no names but
 * those that say the queue.
 */
import type { Captured } from '../domain/capture.ts';
import { reject } from '../domain/reject.ts';

/** Names and values of one connection or message together, octets of JSON. */
export const META_BYTES_MAX = 16 * 1024;

/** Names that decide the queue of a message. */
export const QUEUE_META: readonly string[] = ['queue', 'tenant', 'campaign', 'routing_domain'];

const bytesOf = (key: string, text: string): number =>
  Buffer.byteLength(key) + Buffer.byteLength(text) + 4;

/** Metadata that can be read and set. */
export class Metadata {
  readonly #texts: Map<string, string>;
  #bytes: number;

  private constructor(texts: Map<string, string>, bytes: number) {
    this.#texts = texts;
    this.#bytes = bytes;
  }

  static of(values: Captured = {}): Metadata {
    const meta = new Metadata(new Map(), 0);
    for (const [key, value] of Object.entries(values)) meta.set(key, value);
    return meta;
  }

  /** The value, or undefined; a list or table is a copy. */
  get(key: string): unknown {
    const text = this.#texts.get(key);
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  }

  /** Sets a value that JSON can hold; null and undefined take it away. */
  set(key: string, value: unknown): void {
    if (typeof key !== 'string' || key === '') throw new TypeError('metadata need a name');
    const text: string | undefined = value === null ? undefined : JSON.stringify(value);
    if (text === undefined && value !== null && value !== undefined) {
      throw new TypeError(`metadata '${key}': a ${typeof value} cannot be kept; give JSON`);
    }
    const before = this.#texts.get(key);
    const bytesBefore = before === undefined ? 0 : bytesOf(key, before);
    const bytes = text === undefined ? 0 : bytesOf(key, text);
    if (this.#bytes - bytesBefore + bytes > META_BYTES_MAX) {
      reject(552, `5.3.4 metadata of the message exceed ${META_BYTES_MAX} octets`);
    }
    this.#bytes += bytes - bytesBefore;
    if (text === undefined) this.#texts.delete(key);
    else this.#texts.set(key, text);
  }

  copy(): Metadata {
    return new Metadata(new Map(this.#texts), this.#bytes);
  }

  /** All of it as a table. */
  all(): Captured {
    const entries = [...this.#texts].map(([key, text]) => [key, JSON.parse(text) as unknown]);
    return Object.fromEntries(entries) as Captured;
  }
}
