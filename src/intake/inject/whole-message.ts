/**
 * Content that is a whole message: filled in, then judged. The idea: the customer's bytes stay
 * where they are; what is no legal message is refused, for that recipient, with the reason.
 * Deliberately unknown here: MIME below the header.
 */
import { fixLineEnds } from './body-text.ts';
import type { Addressee, Composer } from './composing.ts';
import { fillAt } from './composing.ts';
import { TemplateFault } from './dialects.ts';
import { TextFault } from './field-text.ts';
import { LINE_OCTETS_MAX } from './limits.ts';
import { RequestRefused } from './request.ts';
import type { TemplateSet } from './templates.ts';

const FIELD = /^[!-9;-~]+[ \t]*:[^\x00-\x08\x0a-\x1f\x7f]*$/;
const FOLDED = /^[ \t][^\x00-\x08\x0a-\x1f\x7f]*$/;

/** Reads content that is a whole message; throws RequestRefused. */
export function readWhole(source: string, templates: TemplateSet): Composer {
  const template = (() => {
    try {
      return templates.compile('content', source, false);
    } catch (thrown) {
      if (!(thrown instanceof TemplateFault)) throw thrown;
      throw new RequestRefused(422, `content: ${thrown.message}`);
    }
  })();
  if (template.isFixed) {
    const text = atContent(() => finish(template.fill({})));
    return { compose: () => text };
  }
  return {
    compose({ values, tame }: Addressee): string {
      const text = fixLineEnds(fillAt(template, 'content', values));
      if (tame !== undefined) {
        // The same message without the line ends that values bring: where the header differs, one
        // of them came to stand in it.
        const quiet = fixLineEnds(fillAt(template, 'content', tame));
        if (headerOf(text) !== headerOf(quiet)) {
          throw new TextFault('content: a substitution brings CR, LF or NUL into the header');
        }
      }
      return finish(text);
    },
  };
}

function atContent<T>(act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    if (thrown instanceof TextFault) throw new RequestRefused(422, thrown.message);
    throw thrown;
  }
}

const headerOf = (text: string): string => {
  if (text.startsWith('\r\n')) return '';
  const end = text.indexOf('\r\n\r\n');
  return end < 0 ? text : text.slice(0, end);
};

function finish(source: string): string {
  const text = fixLineEnds(source);
  if (text.includes('\0')) throw new TextFault('content: must not contain NUL');
  const header = headerOf(text).replace(/\r\n$/, '');
  let hasVersion = false;
  header.split('\r\n').forEach((line, index) => {
    const isGood = FIELD.test(line) || (index > 0 && FOLDED.test(line));
    if (!isGood) throw new TextFault(`content: line ${index + 1} is no header field`);
    if (/^mime-version[ \t]*:/i.test(line)) hasVersion = true;
  });
  refuseLongLines(text);
  const rest = text.slice(header.length).replace(/^(?:\r\n)?$/, '\r\n\r\n');
  const end = rest.endsWith('\r\n') ? '' : '\r\n';
  return `${header}${hasVersion ? '' : '\r\nMIME-Version: 1.0'}${rest}${end}`;
}

function refuseLongLines(text: string): void {
  let from = 0;
  for (let number = 1; from < text.length; number += 1) {
    const found = text.indexOf('\r\n', from);
    const upto = found < 0 ? text.length : found;
    // A character is three octets of UTF-8 at most, or four of two.
    const isSure = (upto - from) * 3 <= LINE_OCTETS_MAX;
    if (!isSure && Buffer.byteLength(text.slice(from, upto)) > LINE_OCTETS_MAX) {
      throw new TextFault(`content: line ${number} exceeds ${LINE_OCTETS_MAX} octets`);
    }
    from = upto + 2;
  }
}
