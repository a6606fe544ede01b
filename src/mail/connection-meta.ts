/**
 * The metadata of one SMTP connection as handlers see them. The idea: what the connection says of
 * itself is asked for when somebody reads it; what policy sets stands over it. Each message begins
 * with a copy. It does not know sockets.
 */
import type { AuthInfo } from '../domain/auth-info.ts';
import type { Captured } from '../domain/capture.ts';
import { Metadata } from './metadata.ts';

/** Metadata of a connection. */
export class ConnectionMeta {
  readonly #facts: () => Captured;
  readonly #findAuth: () => AuthInfo | undefined;
  readonly #own = Metadata.of();
  #isOwn = false;

  constructor(facts: () => Captured, findAuth: () => AuthInfo | undefined = () => undefined) {
    this.#facts = facts;
    this.#findAuth = findAuth;
  }

  /** Policy has set something. */
  get isOwn(): boolean {
    return this.#isOwn;
  }

  /** The value, or undefined; a list or table is a copy. */
  get_meta(key: string): unknown {
    const own = this.#own.get(key);
    if (own !== undefined) return own;
    const facts = this.#facts();
    return Object.hasOwn(facts, key) ? facts[key] : undefined;
  }

  /** Sets a value that JSON can hold; null and undefined take back what was set. */
  set_meta(key: string, value: unknown): void {
    this.#own.set(key, value);
    this.#isOwn = true;
  }

  /** Whom the client proved to be; undefined before AUTH. */
  auth_info(): AuthInfo | undefined {
    return this.#findAuth();
  }

  /** All of it, as a message or a record has it. */
  all(): Captured {
    return { ...this.#facts(), ...this.#own.all() };
  }
}
