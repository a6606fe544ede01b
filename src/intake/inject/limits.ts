/**
 * The bounds of HTTP injection, each with the reason it is there. What an operator may choose is an
 * option of the listener instead. Knows nothing of what is bounded.
 */

/** Messages that are rendered, stored and submitted together. */
export const SLICE_MESSAGES_MAX = 64;
/** Rendered bytes after which a slice takes no further message. */
export const SLICE_BYTES_MAX = 4 * 1024 * 1024;
/** Work on one slice after which it takes no further message, ms: requests take turns. */
export const SLICE_MS_MAX = 100;
/** Slices, of all requests together, that are being rendered or stored: bounds their memory. */
export const SLICES_AT_ONCE = 6;
/** Requests in hand: those that are read or wait included. More are answered 503. */
export const REQUESTS_MAX = 256;
/** Bytes of requests in hand, decompressed. More are answered 503. */
export const REQUESTS_BYTES_MAX = 64 * 1024 * 1024;
/** A whole message, rendered. */
export const MESSAGE_BYTES_MAX = 50 * 1024 * 1024;
/** One template, rendered. */
export const TEXT_CHARS_MAX = 16 * 1024 * 1024;
/** Steps of the Jinja engine for one template and recipient. */
export const JINJA_FUEL = 1_000_000;
/** Rounds of all `each` blocks of one Handlebars template for one recipient. */
export const HANDLEBARS_ROUNDS_MAX = 100_000;
/** The Jinja engine's memory, in pages of 64 KiB: what it asks beyond ends its thread, not ours. */
export const JINJA_PAGES_MAX = 4096;
/** Heap of the thread that renders, MB: what goes beyond ends it. */
export const THREAD_HEAP_MB_MAX = 512;
/** A slice, or the reading of a request, that takes longer than this is broken off, ms. */
export const PRESS_MS_MAX = 10_000;
/** The thread that renders must be up within this, ms. */
export const PRESS_START_MS_MAX = 30_000;
/** Levels of objects and lists within a substitution or a metadata value. */
export const VALUE_DEPTH_MAX = 32;
/** Requests that wait for the recipient rate. */
export const RATE_WAITERS_MAX = 128;
/** How long each of them may wait, ms. */
export const RATE_WAIT_MS_MAX = 20_000;
/** Deferred requests whose messages are being generated at the same time; the rest wait. */
export const GENERATIONS_AT_ONCE = 2;
/** How often a generation is tried whose rendering breaks its thread or takes too long. */
export const GENERATION_TRIES_MAX = 3;
/** How long a generation that finds no room waits before it looks again, ms. */
export const GENERATION_WAIT_MS = 500;
/** RFC 5322 section 2.1.1. */
export const LINE_OCTETS_MAX = 998;
