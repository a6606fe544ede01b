/**
 * Places of bodies that are in memory only (`deferred_spool`): each is a segment of its own, under
 * a number that no file ever has. The idea: a row always has a place, and the place alone tells
 * whether a crash would take the body. Deliberately unknown here: who keeps bodies, and where.
 */

/** Numbers of segments from here on are places in memory. */
export const DEFERRED_SEGMENTS_FROM = 2 ** 31;
/** The columns of the rows hold no higher number; then it begins anew. */
export const DEFERRED_SEGMENTS_UPTO = 2 ** 32;

/** True where a body is in the memory of the process that took it, and nowhere else. */
export const isDeferredSegment = (segment: number): boolean => segment >= DEFERRED_SEGMENTS_FROM;
