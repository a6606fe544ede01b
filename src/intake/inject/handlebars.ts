/**
 * The Handlebars dialect. Templates may only use the helpers named here, none of which reaches out
 * of the values; properties that an object inherits cannot be seen; a name that is not found in a
 * block is looked for in those around it, as in the reference. Blocks that go round are counted.
 */
import type { HelperOptions } from 'handlebars';
import type { DialectEngine, Values } from './dialects.ts';
import { firstLine, TemplateFault } from './dialects.ts';
import { HANDLEBARS_ROUNDS_MAX, TEXT_CHARS_MAX } from './limits.ts';

const HELPERS = ['if', 'unless', 'each', 'with', 'lookup', 'raw'];

// Said outright, or a template could have a warning written for every recipient.
const OWN_ONLY = { allowProtoPropertiesByDefault: false, allowProtoMethodsByDefault: false };

type Each = (this: unknown, context: unknown, options: HelperOptions) => unknown;

/** What one filling-in has left to spend. */
interface Purse {
  rounds: number;
  chars: number;
}

/** Counts the rounds of `each` and what they make, so that no nesting goes on for ever. */
function countingEach(each: Each, purse: Purse): Each {
  return function counted(this: unknown, context: unknown, options: HelperOptions): unknown {
    const fn = (inner: unknown, more?: unknown): string => {
      purse.rounds -= 1;
      if (purse.rounds < 0) {
        throw new Error(`each goes round more than ${HANDLEBARS_ROUNDS_MAX} times`);
      }
      const made = options.fn(inner, more as never);
      purse.chars -= made.length;
      if (purse.chars < 0) throw new Error(`each makes more than ${TEXT_CHARS_MAX} characters`);
      return made;
    };
    return each.call(this, context, { ...options, fn });
  };
}

/** Opens an engine of its own for one request. */
export async function openHandlebars(common: Values): Promise<DialectEngine> {
  const { default: library } = await import('handlebars');
  const engine = library.create();
  const purse: Purse = { rounds: 0, chars: 0 };
  const each = engine.helpers['each'] as Each;
  for (const name of Object.keys(engine.helpers)) {
    if (!HELPERS.includes(name) && !/Missing$/.test(name)) engine.unregisterHelper(name);
  }
  // Partials within a template could call each other without end.
  engine.unregisterDecorator('inline');
  engine.registerHelper('each', countingEach(each, purse));
  engine.registerHelper('raw', function raw(this: unknown, options: HelperOptions) {
    return options.fn(this);
  });
  // The library knows `log` on its own.
  const own = HELPERS.map((name) => [name, true] as const);
  const knownHelpers = Object.fromEntries([...own, ['log', false]]);
  return {
    mark: /\{\{/,
    settle: (source) => source,
    compile(_name, source, isHtml) {
      const options = { noEscape: !isHtml, knownHelpersOnly: true, knownHelpers, compat: true };
      try {
        // Compiling waits for the first filling-in; a wrong template is to be told at once.
        engine.precompile(source, options as never);
      } catch (thrown) {
        throw new TemplateFault(syntaxOf(thrown));
      }
      const fill = engine.compile(source, options as never);
      return (values) => {
        purse.rounds = HANDLEBARS_ROUNDS_MAX;
        purse.chars = TEXT_CHARS_MAX;
        try {
          return fill({ ...common, ...values }, OWN_ONLY);
        } catch (thrown) {
          throw new TemplateFault(firstLine(thrown));
        }
      };
    },
    free: () => {},
  };
}

/** The parser draws the place and then says what it expected. */
function syntaxOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const lines = text.split('\n').filter((line) => !/^[-\s]*\^?$/.test(line));
  const last = lines.at(-1) ?? '';
  return lines.length > 1 ? `${(lines[0] ?? '').replace(/:$/, '')}: ${last}`.slice(0, 300) : last;
}
