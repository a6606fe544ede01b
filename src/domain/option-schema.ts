/**
 * JSON Schemas of option tables, for editors: made from the same rows that read the values, so what
 * an editor completes is what a loader accepts. A schema is a little wider than its reader: it
 * knows the form of a duration, not that `ns` takes no fraction.
 * Deliberately unknown here: files, and who ships the schemas.
 */
import type { JsonSchema, OptionTable } from './options.ts';

/** The schema of a table: its rows with their sentences and defaults, and no other keys. */
export function schemaOf(table: OptionTable): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const required: string[] = [];
  for (const [key, row] of Object.entries(table)) {
    const description = row.inert === undefined ? row.says : `Changes nothing: ${row.inert}`;
    const standard = row.presence === 'kept' ? { default: row.standard } : {};
    properties[key] = { ...row.kind.schema, description, ...standard };
    if (row.presence === 'required') required.push(key);
  }
  return {
    type: 'object',
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** A schema as a document of its own: what it is of, and which edition it is written in. */
export function schemaDocument(title: string, schema: JsonSchema): JsonSchema {
  const properties = { $schema: { type: 'string' }, ...(schema['properties'] ?? {}) };
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...schema, properties };
}
