/**
 * A JSON list as bytes that grows by one entry at a time, so that a million entries are never one
 * text. Knows nothing of what the entries are.
 */

/** Characters gathered before they become bytes. */
const PART_CHARS = 65_536;

/** A list in the making. */
export class ListText {
  readonly #parts: Uint8Array[] = [];
  readonly #encoder = new TextEncoder();
  #text = '[';
  #isEmpty = true;

  add(entry: unknown): void {
    this.#text += this.#isEmpty ? JSON.stringify(entry) : `,${JSON.stringify(entry)}`;
    this.#isEmpty = false;
    if (this.#text.length >= PART_CHARS) this.#flush();
  }

  /** The whole list, in parts. */
  end(): readonly Uint8Array[] {
    this.#text += ']';
    this.#flush();
    return this.#parts;
  }

  #flush(): void {
    this.#parts.push(this.#encoder.encode(this.#text));
    this.#text = '';
  }
}
