/**
 * What one reader sees of a record: of metadata and header fields only those that it asks for. The
 * one idea: reception keeps what anybody asks for, and each reader is shown its own share.
 * Deliberately unknown here: hooks.
 */
import { pickHeaders, pickMeta } from '../../domain/capture.ts';
import type { LogRecord } from './record.ts';

const NOTHING = Object.freeze({});

/** The record with the metadata and header fields of these names; `*` ends a beginning. */
export function captureFor(
  record: LogRecord,
  metaNames: readonly string[],
  headerNames: readonly string[],
): LogRecord {
  return {
    ...record,
    meta:
      metaNames.length === 0 ? NOTHING : (pickMeta(metaNames, record.meta) as LogRecord['meta']),
    headers: headerNames.length === 0 ? NOTHING : pickHeaders(headerNames, record.headers),
  };
}
