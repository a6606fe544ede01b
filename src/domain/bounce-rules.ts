/**
 * Rules that name the reason of a failure: a label and the expressions that give it, in the order
 * in which they are tried. The one idea: rules are plain data, so that policy reads them, a check
 * proves them and the projections use them, and nobody else needs the engine of the expressions.
 * Deliberately unknown here: how an expression is matched, and what a record looks like.
 */

/** What a failure is called that no rule is about. */
export const UNCATEGORIZED = 'Uncategorized';

/** One rule. */
export interface BounceRule {
  readonly label: string;
  /** RE2 syntax, unanchored, case-sensitive. */
  readonly pattern: string;
  /** Where it is written, for sentences. */
  readonly place: string;
}

/** What `setup.bounceClassifier` was given, read. */
export interface BounceRules {
  /** The first that matches wins. */
  readonly rules: readonly BounceRule[];
  /** Responses remembered with their label. */
  readonly cacheSize: number;
  /** Responses remembered that no rule is about; apart, so that they push no others out. */
  readonly uncategorizedCacheSize: number;
}

/** A response as far as rules look at it. */
export interface RuledResponse {
  readonly code: number;
  readonly enhanced_code: {
    readonly class: number;
    readonly subject: number;
    readonly detail: number;
  } | null;
  readonly content: string;
}

/** A response on one line, `CODE [x.y.z ]text`: what rules see, and what reports carry. */
export function formatResponse({ code, enhanced_code: status, content }: RuledResponse): string {
  // Concatenated: this is the key of the caches and made for each record that is classified.
  if (status === null) return `${code} ${content}`;
  return `${code} ${status.class}.${status.subject}.${status.detail} ${content}`;
}
