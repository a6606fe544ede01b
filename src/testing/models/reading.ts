/**
 * A models file as text becomes models, or one sentence that names file, key and fix. The one idea:
 * every key is known or refused, so that a misspelt one is no silent default.
 * Knows no receiver and reads no disk.
 */
import { OptionError, showValue } from '../../domain/option-error.ts';
import type {
  ModelLatency,
  ModelLimit,
  ModelPhase,
  ModelRate,
  ProviderModel,
  ProviderModels,
  ReplyShare,
} from './model.ts';
import { MODEL_PHASES, MODELS_FORMAT, QUANTILE_KEYS } from './model.ts';
import type { Reader } from './table-reader.ts';
import { makeReader } from './table-reader.ts';

const REPLY = /^[245]\d\d(?: .*)?$/s;
const BAD_REPLY = /^[45]\d\d(?: .*)?$/s;
/** What is said never has a line end within a text: that would be a second reply. */
const UNSAYABLE = /[\r\n\0]/;
/** Shares are written with a few digits, whose sums are not exact. */
const SUM_SLACK = 1e-9;
/** The times of so many messages are held for a rate. */
const RATE_COUNT_MAX = 1_000_000;

/** Reads a models file; `file` is its name in errors. Throws an OptionError. */
export function readModels(text: string, file: string): ProviderModels {
  const root = makeReader(file, '', parse(text, file));
  const format = root.need('waybill_models');
  if (format !== MODELS_FORMAT) {
    root.refuse('waybill_models', `${showValue(format)} is no format known here`, `give 1`);
  }
  const models = root
    .list('models')
    .map((one, index) => readModel(root.at(`models[${index}]`, one)));
  const others = root.take('others');
  root.take('fit');
  root.end();
  refuseTwice(file, models, 'site');
  refuseTwice(file, models, 'domains');
  const { fit } = root.table as Pick<ProviderModels, 'fit'>;
  return {
    waybill_models: MODELS_FORMAT,
    models,
    ...(others === undefined ? {} : { others: readModel(root.at('others', others)) }),
    ...(fit === undefined ? {} : { fit }),
  };
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new OptionError(file, '', `is no JSON (${why})`, 'see docs/provider-models.md');
  }
}

function refuseTwice(
  file: string,
  models: readonly ProviderModel[],
  key: 'site' | 'domains',
): void {
  const seen = new Map<string, number>();
  models.forEach((model, index) => {
    for (const name of key === 'site' ? [model.site] : model.domains) {
      const before = seen.get(name);
      seen.set(name, index);
      if (before === undefined) continue;
      const problem = `'${name}' stands in models[${before}], too`;
      throw new OptionError(file, `models[${index}].${key}`, problem, 'name it once');
    }
  });
}

function readModel(reader: Reader): ProviderModel {
  const model: ProviderModel = {
    site: reader.text('site', 'others'),
    domains: reader.texts('domains').map((one) => one.toLowerCase()),
    hosts: reader.texts('hosts').map((one) => one.toLowerCase()),
    addresses: reader.texts('addresses'),
    tls: reader.word('tls', ['valid', 'unverifiable', 'none'], 'valid'),
    latency_ms: reader.within('latency_ms', readLatency) ?? {},
    replies: readReplies(reader),
    connection_limit: reader.within('connection_limit', readLimit),
    message_rate: reader.within('message_rate', readRate),
    session_limit: reader.within('session_limit', readLimit),
    greylist: reader.within('greylist', readGreylist),
  };
  reader.end();
  return model;
}

function readLatency(reader: Reader): ModelLatency {
  const latency = {
    connect: reader.within('connect', readQuantiles),
    transaction: reader.within('transaction', readQuantiles),
    refusal: reader.within('refusal', readQuantiles),
  };
  reader.end();
  return latency;
}

function readQuantiles(reader: Reader): Readonly<Record<string, number>> {
  const quantiles: Record<string, number> = {};
  let least = 0;
  for (const key of QUANTILE_KEYS) {
    const ms = reader.number(key, { min: 0 });
    if (ms === undefined) continue;
    if (ms < least) reader.refuse(key, `${ms} is below a lower quantile`, 'let them rise');
    least = ms;
    quantiles[key] = ms;
  }
  reader.end(`quantiles are ${QUANTILE_KEYS.join(', ')}`);
  return quantiles;
}

function readReplies(reader: Reader): readonly ReplyShare[] {
  const sums = new Map<ModelPhase, number>();
  return reader.list('replies').map((one, index) => {
    const entry = reader.at(`replies[${index}]`, one);
    const phase = entry.word('phase', MODEL_PHASES, undefined);
    const share = entry.number('share', { min: 0, max: 1, isNeeded: true }) as number;
    const sum = (sums.get(phase) ?? 0) + share;
    sums.set(phase, sum);
    if (sum > 1 + SUM_SLACK) {
      entry.refuse('share', `the shares at ${phase} make ${sum}`, 'together they may be 1 at most');
    }
    const does = entry.has('does') ? entry.word('does', ['drop', 'silent'], undefined) : undefined;
    if ((does === undefined) === !entry.has('reply')) {
      entry.refuse('reply', 'it takes either a reply or does', "give 'reply' or 'does', not both");
    }
    const reply = does === undefined ? readReply(entry, BAD_REPLY) : undefined;
    entry.end();
    return { phase, share, reply, does };
  });
}

function readReply(reader: Reader, form: RegExp = REPLY): string {
  const reply = reader.text('reply', undefined);
  if (form.test(reply) && !UNSAYABLE.test(reply)) return reply;
  const fix = "write it as it is on the wire, such as '451 4.7.1 try again later'";
  return reader.refuse('reply', `${showValue(reply)} is no refusal in one line`, fix);
}

function readLimit(reader: Reader): ModelLimit {
  const limit = {
    count: reader.number('count', { min: 1, isWhole: true, isNeeded: true }) as number,
    reply: readReply(reader, BAD_REPLY),
  };
  reader.end();
  return limit;
}

function readRate(reader: Reader): ModelRate {
  const bounds = { min: 1, max: RATE_COUNT_MAX, isWhole: true, isNeeded: true };
  const rate = {
    count: reader.number('count', bounds) as number,
    per_ms: reader.number('per_ms', { min: 1, isNeeded: true }) as number,
    block_ms: reader.number('block_ms', { min: 0 }),
    reply: readReply(reader, BAD_REPLY),
  };
  reader.end();
  return rate;
}

function readGreylist(reader: Reader): { readonly ms: number; readonly reply: string } {
  const greylist = {
    ms: reader.number('ms', { min: 1, isNeeded: true }) as number,
    reply: readReply(reader, BAD_REPLY),
  };
  reader.end();
  return greylist;
}
