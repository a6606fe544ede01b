/**
 * Whether a real run and its simulation agree. The one idea: what the models fix must be equal, and
 * what they leave to chance may differ by the error that their fit states and by chance itself; so
 * the bounds come from the run that is judged, not from the speed of a machine.
 * Deliberately unknown here: how either run was made.
 */
import type { ProviderModel, ProviderModels } from '../../src/testing/models/model.ts';

/** What became of the mail to a domain. */
export interface DomainRun {
  readonly delivered: number;
  readonly bounced: number;
  readonly expired: number;
  readonly waiting: number;
  /** First attempts answered a second, until nine in ten were. */
  readonly perSecond: number;
}

/** By domain. */
export type Run = ReadonlyMap<string, DomainRun>;

/** One comparison. */
export interface Finding {
  readonly domain: string;
  readonly what: string;
  readonly real: number;
  readonly simulated: number;
  /** How far they may be apart. */
  readonly bound: number;
  readonly agrees: boolean;
}

const ENDS = ['delivered', 'bounced', 'expired', 'waiting'] as const;
/** Of what chance does to a count, or to a mean of times. */
const SIGMAS = 3;
/** A mean of some hundred times, each as far off as it is long, is off by so much. */
const spreadOf = (attempts: number): number => SIGMAS / Math.sqrt(Math.max(1, attempts));

/** Whether every message to a provider must come to the same end. */
const isFixed = ({ replies }: ProviderModel): boolean =>
  replies.every(({ reply, share }) => reply?.startsWith('5') !== true || share === 1);

/** What the fit states of a site; of all of them where too little of it was held out. */
function errorOf({ fit }: ProviderModels, site = '') {
  const outcomes = fit?.sites[site]?.outcomes ?? fit?.error.outcomes ?? undefined;
  const throughput = fit?.sites[site]?.throughput ?? fit?.error.throughput ?? undefined;
  if (outcomes === undefined || throughput === undefined) return undefined;
  return { outcomes, throughput };
}

/** Compares two runs of the same mail. */
export function judge(real: Run, simulated: Run, models: ProviderModels): Finding[] {
  return [...real].flatMap(([domain, one]) => {
    const model = models.models.find(({ domains }) => domains.includes(domain));
    const other = simulated.get(domain);
    const error = errorOf(models, model?.site);
    if (model === undefined || other === undefined || error === undefined) {
      const what = other === undefined ? 'is not simulated' : 'has no model whose error is stated';
      return [{ domain, what, real: 1, simulated: 0, bound: 0, agrees: false }];
    }
    const all = ENDS.reduce((sum, end) => sum + one[end], 0);
    const ends = ENDS.map((end) => {
      const share = one[end] / Math.max(1, all);
      // Two runs, each with the chance of its own.
      const chance = SIGMAS * Math.sqrt(2 * all * share * (1 - share));
      const bound = isFixed(model) ? 0 : Math.ceil(all * error.outcomes + chance);
      return finding(domain, end, one[end], other[end], bound);
    });
    const rate = one.perSecond;
    const bound = rate * (error.throughput + spreadOf(all));
    return [...ends, finding(domain, 'messages/s', rate, other.perSecond, bound)];
  });
}

const finding = (
  domain: string,
  what: string,
  real: number,
  simulated: number,
  bound: number,
): Finding => ({
  domain,
  what,
  real,
  simulated,
  bound,
  agrees: Math.abs(real - simulated) <= bound,
});
