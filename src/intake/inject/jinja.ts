/**
 * The Jinja dialect, by the very engine that the reference uses. Values that all recipients share
 * cross into the engine once; those of a recipient hide them. An engine that ran out of memory
 * cannot be used again by anybody on this thread, so that is thrown on as it is.
 */

import type { DialectEngine, Values } from './dialects.ts';
import { firstLine, TemplateFault } from './dialects.ts';
import { JINJA_FUEL } from './limits.ts';

/** What MiniJinja's own filter escapes and JavaScript's does not. */
const UNESCAPED = /[!'()*~]/g;

const escapeCode = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;

const escapeText = (value: unknown): string =>
  encodeURIComponent(String(value)).replaceAll('%2F', '/').replace(UNESCAPED, escapeCode);

// The engine is built without this filter of MiniJinja: nothing for what is not there, a query for
// a table, and slashes as they are.
function urlEncode(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (!(value instanceof Map)) return escapeText(value);
  const pairs = [...value].filter(([, each]) => each !== undefined && each !== null);
  return pairs.map(([key, each]) => `${escapeText(key)}=${escapeText(each)}`).join('&');
}

/** Opens an engine of its own for one request. */
export async function openJinja(common: Values): Promise<DialectEngine> {
  const { Environment } = await import('minijinja-js');
  const engine = new Environment();
  engine.enablePyCompat();
  engine.fuel = JINJA_FUEL;
  engine.addFilter('urlencode', urlEncode);
  for (const [name, value] of Object.entries(common)) engine.addGlobal(name, value);
  const attempt = <T>(act: () => T): T => {
    try {
      return act();
    } catch (thrown) {
      // What the engine refuses is told as a plain Error; anything else is a broken engine.
      if ((thrown as Error).constructor?.name === 'RuntimeError') throw thrown;
      throw new TemplateFault(firstLine(thrown));
    }
  };
  return {
    mark: /\{[{%#]/,
    // As the engine has it: one line end at the end is not part of the text.
    settle: (source) => source.replace(/\r?\n$/, ''),
    compile(name, source, isHtml) {
      // The name decides about escaping.
      const known = isHtml ? `${name}.html` : `${name}.txt`;
      attempt(() => engine.addTemplate(known, source));
      return (values) => attempt(() => engine.renderTemplate(known, values));
    },
    free: () => engine.free(),
  };
}
