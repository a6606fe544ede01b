/**
 * Between events and records: encode picks version from the catalogue, decode upcasts to it, fold
 * lets the event's own `apply` change the books. The live path and replay share `fold`; there is no
 * second one. Knows nothing of SQLite.
 */
import type { Books } from '../domain/books.ts';
import { InvariantBroken } from '../domain/invariant.ts';
import type { RecordDraft, StoredRecord } from '../ports/ports.ts';
import type { Event, EventType } from './catalogue.ts';
import { catalogue } from './catalogue.ts';
import type { Applied, Definition } from './define.ts';
import { findMisshape } from './define.ts';

type AnyDefinition = Definition<EventType, object>;

const DEFINITIONS = new Map<string, AnyDefinition>(
  catalogue.map((definition) => [definition.type, definition as unknown as AnyDefinition]),
);

/** A record that this version cannot read: of a newer version, or not an event at all. */
export class RecordUnreadable extends Error {
  override name = 'RecordUnreadable';
}

const findDefinition = (type: string): AnyDefinition => {
  const definition = DEFINITIONS.get(type);
  if (definition === undefined) throw new RecordUnreadable(`unknown event type ${type}`);
  return definition;
};

/** Turns an event into what the log stores. */
export function encode(event: Event): RecordDraft {
  const definition = findDefinition(event.type);
  return {
    stream: event.stream,
    type: event.type,
    version: definition.version,
    body: JSON.stringify(event.body),
  };
}

/**
 * Brings a stored body up to the version of its definition, step by step; checks its shape, unless
 * the log has proven the record and it needed no step.
 */
export function readBody<B extends object>(
  definition: Definition<string, B>,
  record: Pick<StoredRecord, 'type' | 'version' | 'position' | 'body'>,
  isProven = false,
): B {
  if (record.version > definition.version) {
    const which = `${record.type} of version ${record.version}`;
    throw new RecordUnreadable(`${which} at position ${record.position} is newer than ours`);
  }
  let body = JSON.parse(record.body) as object;
  for (let version = record.version; version < definition.version; version += 1) {
    const step = definition.upcast[version] as ((old: object) => object) | undefined;
    if (step === undefined) throw new RecordUnreadable(`${record.type}: no way up from ${version}`);
    body = step(body);
  }
  if (isProven && record.version === definition.version) return body as B;
  const misshape = findMisshape(definition as never, body);
  if (misshape !== undefined) {
    throw new RecordUnreadable(`${misshape} at position ${record.position}`);
  }
  return body as B;
}

/** Turns a stored record into an event of today's version; checks its shape unless it is proven. */
export function decode(record: StoredRecord, isProven = false): Event {
  const body = readBody(findDefinition(record.type), record, isProven);
  return { type: record.type, stream: record.stream, body } as Event;
}

/** Lets an event change the books. The only fold there is. */
export function fold(books: Books, event: Event, applied: Applied): void {
  const definition = DEFINITIONS.get(event.type);
  if (definition === undefined) throw new InvariantBroken(`no event ${event.type}`);
  definition.apply(books, event.body, applied);
}
