/**
 * Templates of log records: a Jinja dialect, by the very engine that the reference uses, so that
 * its templates mean the same here. The idea: the engine (a megabyte of WebAssembly) is loaded when
 * the first template is, and each template is compiled once.
 * Deliberately unknown here: hooks and files of logs, and what becomes of a record without a text.
 */
import type { RecordType } from '../domain/record-type.ts';
import type { LogRecord } from './log-record/record.ts';

/** What a template made of a record, or why it made nothing. */
export type Rendered = { readonly text: string } | { readonly fault: string };

/** Compiled templates of one reader of the log. */
export interface Templates {
  /** True where records of this type have a template. */
  has(type: RecordType): boolean;
  /** Fills in the template of the record's type; it must have one. */
  render(record: LogRecord): Rendered;
  /** Gives the engine's memory back. */
  free(): void;
}

/** A template that cannot be compiled: for which type, and why. */
export class TemplateError extends Error {
  readonly recordType: RecordType;
  readonly problem: string;

  constructor(recordType: RecordType, problem: string) {
    super(`template for ${recordType}: ${problem}`);
    this.name = 'TemplateError';
    this.recordType = recordType;
    this.problem = problem;
  }
}

/** Steps of the engine for one record: some ten thousand lines of output, and never for ever. */
const FUEL = 1_000_000;

// Behind the first line stands a drawing of the place, and the stack of the engine.
const sayProblem = (thrown: unknown): string => {
  const [first = ''] = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n');
  return first.trim();
};

/** Compiles templates; throws TemplateError. Without any, nothing is loaded. */
export async function compileTemplates(
  sources: ReadonlyMap<RecordType, string>,
): Promise<Templates> {
  if (sources.size === 0) return NO_TEMPLATES;
  const { Environment } = await import('minijinja-js');
  const engine = new Environment();
  engine.fuel = FUEL;
  // The whole record crosses into the engine once more where a template names it.
  const needsWhole = new Set<string>();
  for (const [type, source] of sources) {
    try {
      // The name of a template decides about escaping: none of these ends in `.html`.
      engine.addTemplate(type, source);
    } catch (error) {
      engine.free();
      throw new TemplateError(type, sayProblem(error));
    }
    if (source.includes('log_record')) needsWhole.add(type);
  }
  return {
    has: (type) => sources.has(type),
    render(record) {
      const whole = needsWhole.has(record.type) ? { log_record: record } : {};
      try {
        return { text: engine.renderTemplate(record.type, { ...record, ...whole }) };
      } catch (error) {
        return { fault: `the template for ${record.type} failed: ${sayProblem(error)}` };
      }
    },
    free: () => engine.free(),
  };
}

const NO_TEMPLATES: Templates = {
  has: () => false,
  render: ({ type }) => ({ fault: `there is no template for ${type}` }),
  free: () => {},
};
