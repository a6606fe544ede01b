/**
 * What in a peer's reply may be the id under which it queued a message. The idea: servers write it
 * in many ways (`queued as 4Tf2…`, `id=1rX…-00`, `<mail-id> [InternalId=…]`, bare), so every word
 * that looks like an id is a candidate, and those that follow a telling word always are.
 * Deliberately unknown here: which server said it, and what the candidates are used for.
 */

/** Words of a reply that are looked at; ids stand at its beginning. */
const WORDS_MAX = 40;
/** Candidates of one reply. */
export const TOKENS_MAX = 8;
const TOKEN_CHARS_MIN = 3;
const BARE_CHARS_MIN = 5;
const TOKEN_CHARS_MAX = 200;

// Between words: blanks and what encloses them. Within an id may be what is left.
const GAPS = /[\s<>()[\]{},;"']+/;
const EDGES = /^[.:=#-]+|[.:=!?-]+$/g;
const ENHANCED = /^[245]\.\d{1,3}\.\d{1,3}$/;
const TELLING = /^(?:as|id|qp|internalid|queued|messageid|message-id)$/i;
const NUMBER_WITH_UNIT = /^\d{1,4}$|^\d+\.\d+$/;

const isPlausible = (word: string): boolean =>
  word.length >= BARE_CHARS_MIN && /\d/.test(word) && !NUMBER_WITH_UNIT.test(word);

/** An id as it is looked up: exactly as it was said, but for what encloses it. */
export const tokenKey = (text: string): string => text.trim().replace(/^[<[("']+|[>\])"']+$/g, '');

/** What may be an id in the text of a reply, in the order in which it was said. */
export function tokensOf(text: string): readonly string[] {
  const found = new Set<string>();
  let before = '';
  for (const raw of text.split(GAPS, WORDS_MAX)) {
    const word = raw.replace(EDGES, '');
    if (word === '' || ENHANCED.test(word)) continue;
    const cut = word.indexOf('=');
    const named = cut > 0 ? word.slice(cut + 1) : word;
    const telling = cut > 0 ? word.slice(0, cut) : before;
    before = word;
    const isTold = TELLING.test(telling) && !TELLING.test(named);
    if (named.length > TOKEN_CHARS_MAX || named.length < TOKEN_CHARS_MIN) continue;
    if (isTold || isPlausible(named)) found.add(named);
    if (found.size === TOKENS_MAX) break;
  }
  return [...found];
}
