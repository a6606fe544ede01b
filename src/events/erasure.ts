/**
 * What can happen when the personal data of recipients is taken out of the log. The stream is the
 * id of the order. The one idea: what is about to be rewritten is listed first, each record with a
 * seal of its new text, so that the log itself vouches for every byte that was changed in it.
 * Changes no book. Nobody's address stands in these events.
 */
import { define } from './define.ts';

/** Records of one `erasure.listed`. */
export const ERASURE_LISTED_MAX = 512;

/** Body of `erasure.ordered`. */
export interface ErasureOrderedBody {
  /** How many addresses. */
  readonly addresses: number;
  readonly by: string;
  readonly cause: string;
}

/** Body of `erasure.listed`. */
export interface ErasureListedBody {
  readonly positions: readonly number[];
  /** One for each position; see `erasureSealOf`. */
  readonly seals: readonly string[];
}

/** Body of `erasure.finished`. */
export interface ErasureFinishedBody {
  readonly records: number;
  readonly segments: number;
  /** Bytes of ended bodies that were overwritten or given back. */
  readonly bodyBytes: number;
  /** Files of the data directory in which an address was still found. */
  readonly left: number;
}

export const erasureOrdered = define('erasure.ordered')<ErasureOrderedBody>({
  version: 1,
  says: 'An operator ordered that the personal data of recipients be taken out of the log.',
  shape: { addresses: 'count', by: 'text', cause: 'text' },
  upcast: {},
  apply() {},
});

export const erasureListed = define('erasure.listed')<ErasureListedBody>({
  version: 1,
  says: 'These records are rewritten by the order; the seals prove their new texts.',
  shape: { positions: 'counts', seals: 'texts' },
  upcast: {},
  apply() {},
});

export const erasureFinished = define('erasure.finished')<ErasureFinishedBody>({
  version: 1,
  says: 'The order was carried out: log, bodies, snapshots, indexes and dead letters.',
  shape: { records: 'count', segments: 'count', bodyBytes: 'count', left: 'count' },
  upcast: {},
  apply() {},
});
