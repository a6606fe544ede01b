/**
 * Names of topics, exchanges and routing keys with places that each record fills: `mail-{{type}}`.
 * The one idea: a closed set of places, known when the policy is read, so a misspelt one is refused
 * then and not met by the first record.
 * Deliberately unknown here: what a broker allows in a name, and records.
 */
import { OptionValueError, showValue } from './option-error.ts';
import { text } from './option-kinds.ts';
import type { Kind } from './options.ts';
import { nearest } from './options.ts';

/** What a record can put into a name. */
export const TEMPLATE_PLACES = ['type', 'tenant', 'domain', 'nodeid'] as const;

/** One of them. */
export type TemplatePlace = (typeof TEMPLATE_PLACES)[number];

/** What one record puts into each place. */
export type TemplateFacts = Readonly<Record<TemplatePlace, string>>;

/** A name with places, taken apart. */
export interface HookTemplate {
  readonly text: string;
  readonly parts: readonly (string | { readonly place: TemplatePlace })[];
}

const PLACE = /\{\{\s*([^{}]*?)\s*\}\}/g;
const FIX = `use ${TEMPLATE_PLACES.map((place) => `{{${place}}}`).join(', ')}`;

/** Takes a name apart; throws OptionValueError for a place that does not exist. */
export function parseTemplate(written: string): HookTemplate {
  const parts: (string | { readonly place: TemplatePlace })[] = [];
  let from = 0;
  for (const match of written.matchAll(PLACE)) {
    if (match.index > from) parts.push(written.slice(from, match.index));
    parts.push({ place: placeNamed(match[1] ?? '') });
    from = match.index + match[0].length;
  }
  if (from < written.length) parts.push(written.slice(from));
  const stray = parts.find((part) => typeof part === 'string' && /[{}]/.test(part));
  if (stray !== undefined) {
    throw new OptionValueError(`${showValue(written)} has a brace that is no place`, FIX);
  }
  return Object.freeze({ text: written, parts: Object.freeze(parts) });
}

function placeNamed(name: string): TemplatePlace {
  const found = TEMPLATE_PLACES.find((place) => place === name);
  if (found !== undefined) return found;
  const near = nearest(name, TEMPLATE_PLACES);
  const fix = near === undefined ? FIX : `did you mean '{{${near}}}'?`;
  throw new OptionValueError(`a record has no '${name}' for a name`, fix);
}

/** The name that a record with these facts gets. */
export function fillTemplate({ parts }: HookTemplate, facts: TemplateFacts): string {
  const only = parts.length === 1 ? parts[0] : undefined;
  if (typeof only === 'string') return only;
  return parts.map((part) => (typeof part === 'string' ? part : facts[part.place])).join('');
}

/** A name with places whose written parts pass `check`, which answers what is wrong with a text. */
export function templateKind(check: (part: string) => string | undefined): Kind<HookTemplate> {
  return {
    name: 'name, with places',
    schema: { type: 'string', minLength: 1 },
    read(value) {
      const template = parseTemplate(text.read(value));
      for (const part of template.parts) {
        const problem = typeof part === 'string' ? check(part) : undefined;
        if (problem !== undefined) {
          throw new OptionValueError(`${showValue(template.text)} ${problem}`, 'change the name');
        }
      }
      return template;
    },
  };
}
