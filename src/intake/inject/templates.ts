/**
 * Templates of one request: compiled once, filled in for each recipient. The idea: what is
 * compiled is the customer's text and nothing else; values of substitutions only ever fill it in.
 * Deliberately unknown here: what the texts are for, and how long they may take in all.
 */
import type { DialectEngine, Values } from './dialects.ts';
import { TemplateFault } from './dialects.ts';
import { openHandlebars } from './handlebars.ts';
import { openJinja } from './jinja.ts';
import { TEXT_CHARS_MAX } from './limits.ts';
import type { Dialect } from './request.ts';

/** A compiled template. */
export interface Template {
  /** It is the same for every recipient. */
  readonly isFixed: boolean;
  /** Throws TemplateFault. */
  fill(values: Values): string;
}

/** Compiles the templates of one request. */
export interface TemplateSet {
  /** `isHtml` has values escaped. Throws TemplateFault. */
  compile(name: string, source: string, isHtml: boolean): Template;
  /** Gives the engine's memory back. */
  free(): void;
}

/** A template that is always the same. */
export const fixed = (text: string): Template => ({ isFixed: true, fill: () => text });

const STATIC: DialectEngine = {
  mark: /(?!)/,
  settle: (source) => source,
  compile: (_name, source) => () => source,
  free: () => {},
};

/** Opens the engine of a dialect. */
export async function openTemplates(dialect: Dialect, common: Values): Promise<TemplateSet> {
  const engine = await openEngine(dialect, common);
  return {
    compile(name, source, isHtml) {
      if (!engine.mark.test(source)) return fixed(engine.settle(source));
      const fill = engine.compile(name, source, isHtml);
      return { isFixed: false, fill: (values) => bounded(fill(values)) };
    },
    free: () => engine.free(),
  };
}

async function openEngine(dialect: Dialect, common: Values): Promise<DialectEngine> {
  if (dialect === 'Jinja') return await openJinja(common);
  if (dialect === 'Handlebars') return await openHandlebars(common);
  return STATIC;
}

function bounded(text: string): string {
  if (text.length <= TEXT_CHARS_MAX) return text;
  throw new TemplateFault(`the text is longer than ${TEXT_CHARS_MAX} characters`);
}
