/**
 * Which version of the policy was in force before the present one. The one idea: going back takes
 * the present version off a pile, so going back twice goes back twice, and never forward to what
 * was gone back from. Knows no store and no policy.
 */

/** A version came into force. */
export interface Activation {
  readonly version: number;
  /** It came back in place of one that was taken back. */
  readonly isReturn: boolean;
}

/** The versions that may be gone back to, oldest first; the last is the one in force. */
export const pileVersions = (activations: Iterable<Activation>): number[] => {
  const pile: number[] = [];
  for (const { version, isReturn } of activations) {
    if (isReturn) {
      pile.pop();
      while (pile.length > 0 && pile.at(-1) !== version) pile.pop();
    }
    if (pile.at(-1) !== version) pile.push(version);
  }
  return pile;
};
