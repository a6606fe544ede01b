/**
 * What the engine of a dialect is, to those who use one and to those who are one.
 * Deliberately unknown here: any dialect, and what the texts are for.
 */

/** What a template is filled in with. */
export type Values = Readonly<Record<string, unknown>>;

/** A template that cannot be compiled or filled in: why, in one line. */
export class TemplateFault extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'TemplateFault';
  }
}

/** The engine of one dialect, for one request. */
export interface DialectEngine {
  /** What makes a text more than itself: one without it is never compiled. */
  readonly mark: RegExp;
  /** What a text without any mark comes out as. */
  settle(source: string): string;
  /** Throws TemplateFault, and so does what it answers. */
  compile(name: string, source: string, isHtml: boolean): (values: Values) => string;
  free(): void;
}

/** The first line of what an engine said: behind it stands a drawing of the place. */
export function firstLine(thrown: unknown): string {
  const [first = ''] = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n');
  return first.trim();
}
