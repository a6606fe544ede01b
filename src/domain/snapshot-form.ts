/**
 * The form of a picture of the books, which its writer (picture.ts) and its reader (snapshot.ts)
 * share: which columns, in which order, where they begin. Knows no books.
 */
import type { RowColumns } from './rows.ts';

/**
 * Raise when the form changes. A newer form is not read, the log is folded instead; an older one
 * is brought up, because the records it stands for may have been let go.
 */
export const SNAPSHOT_FORM = 6;
/** Fields of a queue beside its name, since form 3: numbers in a block of their own. */
export const QUEUE_FIELDS = 10;

/** The columns of the living rows, in their order. */
export const COLUMN_ORDER = [
  'number',
  'acceptedAt',
  'dueAt',
  'position',
  'bodyOffset',
  'bodySegment',
  'bodyBytes',
  'bodySum',
  'queue',
  'attempts',
  'recipients',
  'flags',
] as const satisfies readonly (keyof RowColumns)[];

const ALIGN = 8;

/** Where what follows `bytes` bytes begins. */
export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGN) * ALIGN;

/** Whether whole words may be read from there. */
export const isAligned = (offset: number): boolean => offset % ALIGN === 0;

/** Bytes of the columns of `count` rows. */
export const bytesOfColumns = (columns: RowColumns, count: number): number => {
  let bytes = 0;
  for (const name of COLUMN_ORDER) bytes += aligned(count * columns[name].BYTES_PER_ELEMENT);
  return bytes;
};

type Column = Float64Array | Uint32Array | Int32Array | Uint16Array | Uint8Array;

/** `count` elements at an offset of the packed bytes, of the kind that `like` is. */
export function viewOf<T extends Column>(
  like: T,
  packed: Uint8Array,
  offset: number,
  count: number,
): T {
  const Kind = like.constructor as new (b: ArrayBufferLike, o: number, n: number) => T;
  return new Kind(packed.buffer, packed.byteOffset + offset, count);
}
