/**
 * Cuts text into SQL statements at semicolons outside strings, names and comments, as SQLite reads
 * them. Knows no grammar beyond that.
 */

// Strings, names in each of their quotes, comments; what is not closed goes on to the end.
const TOKEN =
  /'[^']*'?|"[^"]*"?|`[^`]*`?|\[[^\]]*\]?|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|;|[^'"`[;/-]+|./gsu;

/** Statements that have ended, and what has not. */
export interface Cut {
  readonly whole: readonly string[];
  readonly rest: string;
}

/** Cuts a text; statements of nothing but space and comments are left out. */
export const cutStatements = (text: string): Cut => {
  const whole: string[] = [];
  let from = 0;
  let says = false;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === ';') {
      if (says) whole.push(text.slice(from, index));
      from = index + 1;
      says = false;
    } else if (!/^(?:--|\/\*|\s*$)/u.test(token)) says = true;
  }
  return { whole, rest: says || isOpen(text.slice(from)) ? text.slice(from) : '' };
};

/** A comment that is not closed yet is no statement, and not over either. */
const isOpen = (text: string): boolean => /\/\*(?:(?!\*\/)[\s\S])*$/u.test(text);
