/**
 * Which file a record belongs to, and what that file is called.
 * The one idea: a segment is known by directory and suffix; types that share both share segments.
 * Deliberately unknown here: the disk, compression, the text of a record.
 */
import type { LocalLogsConfig, RecordFileStyle } from '../../domain/options-local-logs.ts';
import { settingsFor } from '../../domain/options-per-record.ts';
import type { At } from '../../ports/ports.ts';
import type { RecordType } from '../log-record/record.ts';

/** A kind of segment of a logger. */
export interface SegmentKind {
  /** Tells it from the logger's others. */
  readonly key: string;
  readonly dir: string;
  readonly suffix: string;
  /** What each segment begins with; '' for nothing. */
  readonly header: string;
}

const PLAIN: RecordFileStyle = Object.freeze({ enable: true });

/** The style of a record type: its own, else that of `Any`, else none. */
export const styleOf = (config: LocalLogsConfig, type: RecordType): RecordFileStyle =>
  settingsFor(config.per_record, type) ?? PLAIN;

/** Where records of a type go. */
export function segmentKindOf(config: LocalLogsConfig, type: RecordType): SegmentKind {
  const { log_dir: dir = config.log_dir, suffix = '', segment_header } = styleOf(config, type);
  return { key: JSON.stringify([dir, suffix]), dir, suffix, header: segment_header ?? '' };
}

/** Every directory a logger may write to. */
export const directoriesOf = (config: LocalLogsConfig): readonly string[] => [
  ...new Set([
    config.log_dir,
    ...Object.values(config.per_record).flatMap(({ log_dir }) => log_dir ?? []),
  ]),
];

/** The name of a segment begun at a time; `serial` tells those of one millisecond apart. */
export function segmentName(at: At, serial: number, suffix: string): string {
  const [day = '', time = ''] = new Date(at).toISOString().split('T');
  const [clock = '', millis = ''] = time.replace('Z', '').split('.');
  const fraction = millis + String(serial).padStart(6, '0');
  return `${day.replaceAll('-', '')}-${clock.replaceAll(':', '')}.${fraction}${suffix}`;
}

/** What every segment's name begins with. */
export const SEGMENT_NAME = /^\d{8}-\d{6}(\.\d+)?/;
