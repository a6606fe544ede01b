/**
 * A provider as a model: how long it takes, what it answers how often, and its limits, as plain
 * data that stands in a JSON file. The one idea: it says no more than a log can tell, so a model
 * fitted from a log and one written by hand are the same thing.
 * Deliberately unknown here: how a file is read (reading.ts), how a receiver obeys (receiver.ts).
 */
import type { Fit } from './fit-report.ts';

/** The format of the file; another number is another format. */
export const MODELS_FORMAT = 1;

/** Where a session with a receiver stands when it answers. */
export const MODEL_PHASES = ['connect', 'mail', 'rcpt', 'data', 'dot'] as const;
/** One of MODEL_PHASES. */
export type ModelPhase = (typeof MODEL_PHASES)[number];

/** The quantiles that a file may give, in order. */
export const QUANTILE_KEYS = ['p0', 'p10', 'p25', 'p50', 'p75', 'p90', 'p95', 'p99', 'p100'];

/** Times in ms by quantile; between two it is a straight line, beyond the outermost it is flat. */
export type Quantiles = Readonly<Record<string, number>>;

/** How long it takes; what is absent takes no time. */
export interface ModelLatency {
  /** From the dial until it takes mail: greeting, EHLO, TLS. */
  readonly connect?: Quantiles | undefined;
  /** From MAIL to the answer to the final dot. */
  readonly transaction?: Quantiles | undefined;
  /** From MAIL to the answer that ends a transaction before its body. */
  readonly refusal?: Quantiles | undefined;
}

/** What it answers in place of a good reply, and how often. */
export interface ReplyShare {
  readonly phase: ModelPhase;
  /** Of the connections, MAILs, RCPTs, DATAs or bodies that no limit answered: 0 to 1. */
  readonly share: number;
  /** A reply as it is on the wire, `550 5.1.1 no such user`; 421 ends the session, too. */
  readonly reply?: string | undefined;
  /** In place of a reply: the connection is dropped; or nothing is said ever. */
  readonly does?: 'drop' | 'silent' | undefined;
}

/** So many at most, and the reply to one more. */
export interface ModelLimit {
  readonly count: number;
  readonly reply: string;
}

/** So many messages in any span of `per_ms`; above, and for `block_ms` on, the reply to MAIL. */
export interface ModelRate extends ModelLimit {
  readonly per_ms: number;
  readonly block_ms?: number | undefined;
}

/** How one provider treats mail. */
export interface ProviderModel {
  /** The site, as the log and `waybill status` name it. */
  readonly site: string;
  /** Recipients' domains whose mail goes there. */
  readonly domains: readonly string[];
  /** Names of its exchangers; without any, one of its own for the site. */
  readonly hosts: readonly string[];
  /** Addresses at which it is dialled without a name: `mx_list`, smart hosts. */
  readonly addresses: readonly string[];
  readonly tls: 'valid' | 'unverifiable' | 'none';
  readonly latency_ms: ModelLatency;
  readonly replies: readonly ReplyShare[];
  /** Connections at the same time; the reply is its greeting. */
  readonly connection_limit?: ModelLimit | undefined;
  readonly message_rate?: ModelRate | undefined;
  /** Messages over one connection; the reply is to MAIL. */
  readonly session_limit?: ModelLimit | undefined;
  /** A recipient is put off until it has been known for so long. */
  readonly greylist?: { readonly ms: number; readonly reply: string } | undefined;
}

/** A file of models. */
export interface ProviderModels {
  readonly waybill_models: typeof MODELS_FORMAT;
  readonly models: readonly ProviderModel[];
  /** For every domain that no model names: each has a receiver of its own. */
  readonly others?: ProviderModel | undefined;
  /** Where the models come from, and how far they are off. */
  readonly fit?: Fit | undefined;
}
