/**
 * Values that are shown to code which is not ours: frozen through and through, so that nobody who
 * is shown the same value later sees what somebody else made of it.
 * Deliberately unknown here: whose values they are.
 */

/** Freezes a plain value, which holds no circle, through and through. */
export const freezeDeep = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) {
    // Parts may be frozen already while what is in them is not, so nothing is passed over.
    Object.freeze(value);
    for (const entry of Object.values(value)) freezeDeep(entry);
  }
  return value;
};
