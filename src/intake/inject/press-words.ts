/**
 * What the thread of the press and those who give it work say to each other. Requests go over as
 * shared bytes, messages come back as bytes that change hands; nothing is copied on the way.
 */
import type { OpenedRequest, Printed } from './press.ts';

/** Said to the thread. */
export type ToPress =
  | { readonly kind: 'open'; readonly job: number; readonly bytes: Uint8Array }
  | { readonly kind: 'print'; readonly job: number; readonly from: number; readonly at: number }
  | { readonly kind: 'name'; readonly job: number; readonly from: number }
  | { readonly kind: 'close'; readonly job: number };

/** Said by the thread; each `open`, `print` and `name` is answered once, in their order. */
export type FromPress =
  | { readonly kind: 'ready' }
  | { readonly kind: 'opened'; readonly job: number; readonly opened: OpenedRequest }
  | { readonly kind: 'printed'; readonly job: number; readonly slice: readonly Printed[] }
  | { readonly kind: 'named'; readonly job: number; readonly emails: readonly string[] }
  | { readonly kind: 'refused'; readonly job: number; status: number; sentence: string };
