/**
 * Where a run of whole numbers turns: those before are so, from there on none is. The one idea:
 * whoever looks something up in what is sorted asks for this, whatever lies there.
 * Deliberately unknown here: what lies there.
 */

/** The first number from `low` on that is not so; `high` where all below it are. */
export function partitionPoint(low: number, high: number, isSo: (at: number) => boolean): number {
  let [from, upto] = [low, high];
  while (from < upto) {
    const middle = Math.floor((from + upto) / 2);
    if (isSo(middle)) from = middle + 1;
    else upto = middle;
  }
  return from;
}
