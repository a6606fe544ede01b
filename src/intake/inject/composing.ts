/**
 * Content in parts becomes a message for each recipient: what is the same for all is made once,
 * what has templates is filled in. The idea: the fields of the header are settled when the request
 * is read; filling in changes their values and never their number.
 * Deliberately unknown here: how templates work, who stores what comes out.
 */
import { formatDate } from '../trace-header.ts';
import type { Values } from './dialects.ts';
import { TemplateFault } from './dialects.ts';
import { foldField, formatField, formatMailbox, TextFault } from './field-text.ts';
import type { Piece, TextName } from './parts.ts';
import { formatText, layOut, readAttachment, TEXTS } from './parts.ts';
import type { BuilderContent } from './request.ts';
import { isFieldName, RequestRefused } from './request.ts';
import type { Template, TemplateSet } from './templates.ts';
import { fixed } from './templates.ts';

/** What one recipient's message is made from. */
export interface Addressee {
  readonly values: Values;
  /** The recipient as a header shows it. */
  readonly toHeader: string;
  /** The date of the message, ms. */
  readonly at: number;
  /** The values with every CR, LF and NUL taken out of them; undefined where there were none. */
  readonly tame: Values | undefined;
}

/** Makes messages; throws TextFault and TemplateFault for one recipient. */
export interface Composer {
  compose(addressee: Addressee): string;
}

interface Field {
  readonly name: string;
  line(addressee: Addressee): string;
}

type GivenMailbox = NonNullable<BuilderContent['from']>;

const OURS = /^content-|^mime-version$/i;

/** Runs `act`; what its templates or values are not fit for refuses the request, with the place. */
function atPlace<T>(place: string, act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    if (!(thrown instanceof TemplateFault) && !(thrown instanceof TextFault)) throw thrown;
    const isNamed = thrown instanceof TextFault;
    throw new RequestRefused(422, isNamed ? thrown.message : `${place}: ${thrown.message}`);
  }
}

/** Says which template failed. */
export function fillAt(template: Template, place: string, values: Values): string {
  try {
    return template.fill(values);
  } catch (thrown) {
    if (thrown instanceof TemplateFault) throw new TemplateFault(`${place}: ${thrown.message}`);
    throw thrown;
  }
}

/** Reads content in parts; throws RequestRefused. */
export function readBuilder(content: BuilderContent, templates: TemplateSet): Composer {
  const given = TEXTS.filter((name) => (content[name] ?? undefined) !== undefined);
  if (!given.some((name) => name !== 'amp_html_body')) {
    throw new RequestRefused(422, 'content: needs text_body or html_body');
  }
  const attachments = (content.attachments ?? []).map(readAttachment);
  const fields = readFields(content, templates);
  const texts = given.map((name) => [name, readText(content, name, templates)] as const);
  return new Builder(fields, layOut(given, attachments), new Map(texts));
}

function readText(content: BuilderContent, name: TextName, templates: TemplateSet): Template {
  const place = `content.${name}`;
  return atPlace(place, () =>
    templates.compile(name, content[name] as string, name !== 'text_body'),
  );
}

function readFields(content: BuilderContent, templates: TemplateSet): Field[] {
  const given = new Map<string, Field>();
  const seen = new Map<string, string>();
  for (const [name, source] of Object.entries(content.headers ?? {})) {
    const place = `content.headers.${name.slice(0, 80)}`;
    const key = name.toLowerCase();
    if (!isFieldName(name)) throw new RequestRefused(422, `${place}: is no name of a field`);
    if (OURS.test(name)) throw new RequestRefused(422, `${place}: is made from the parts`);
    const twin = seen.get(key);
    if (twin !== undefined) throw new RequestRefused(422, `${place}: is also given as ${twin}`);
    seen.set(key, name);
    given.set(key, readField(name, source, place, templates));
  }
  const { subject, from, reply_to } = content;
  if (typeof subject === 'string') {
    given.set('subject', readField('Subject', subject, 'content.subject', templates));
  }
  if (from) given.set('from', readMailbox('From', from, 'content.from', templates));
  if (reply_to) {
    given.set('reply-to', readMailbox('Reply-To', reply_to, 'content.reply_to', templates));
  }
  if (!given.has('to')) {
    given.set('to', { name: 'To', line: ({ toHeader }) => foldField('To', toHeader) });
  }
  if (!given.has('date')) {
    given.set('date', { name: 'Date', line: ({ at }) => `Date: ${formatDate(at)}` });
  }
  return [...given.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readField(name: string, source: string, place: string, templates: TemplateSet): Field {
  const template = atPlace(place, () => templates.compile(`headers.${name}`, source, false));
  if (template.isFixed) {
    const line = atPlace(place, () => formatField(name, template.fill({})));
    return { name, line: () => line };
  }
  return { name, line: ({ values }) => formatField(name, fillAt(template, place, values)) };
}

function readMailbox(
  field: string,
  { name, email }: GivenMailbox,
  place: string,
  templates: TemplateSet,
): Field {
  const address = atPlace(`${place}.email`, () =>
    templates.compile(`${field}.email`, email, false),
  );
  const shown = atPlace(`${place}.name`, () =>
    templates.compile(`${field}.name`, name ?? '', false),
  );
  const make = (values: Values): string => {
    const text = fillAt(shown, `${place}.name`, values);
    return foldField(field, formatMailbox(text, fillAt(address, `${place}.email`, values), place));
  };
  // An address that is none as it stands is refused even where a template would mend it.
  atPlace(`${place}.email`, () => formatMailbox(undefined, email, place));
  if (!address.isFixed || !shown.isFixed)
    return { name: field, line: ({ values }) => make(values) };
  const line = atPlace(place, () => make({}));
  return { name: field, line: () => line };
}

class Builder implements Composer {
  readonly #fields: readonly Field[];
  readonly #pieces: readonly Piece[];
  readonly #texts: Map<TextName, Template>;

  constructor(fields: readonly Field[], pieces: readonly Piece[], texts: Map<TextName, Template>) {
    this.#fields = fields;
    this.#texts = texts;
    this.#pieces = pieces.map((piece) => {
      const template = typeof piece === 'string' ? undefined : texts.get(piece.text);
      if (typeof piece === 'string' || template?.isFixed !== true) return piece;
      return atPlace(`content.${piece.text}`, () => formatText(piece.text, template.fill({})));
    });
  }

  compose(addressee: Addressee): string {
    let text = '';
    for (const field of this.#fields) text += `${field.line(addressee)}\r\n`;
    text += 'MIME-Version: 1.0\r\n';
    for (const piece of this.#pieces) {
      if (typeof piece === 'string') text += piece;
      else {
        const template = this.#texts.get(piece.text) ?? fixed('');
        text += formatText(piece.text, fillAt(template, piece.text, addressee.values));
      }
    }
    return text;
  }
}
