/**
 * A receiver that behaves by a model: limits first, then the dice of its shares, then the time that
 * an answer takes. The one idea: it is a manner like any other, with dice of its own, so that what
 * one provider draws changes nothing for another.
 * Deliberately unknown here: where the receiver stands (placing.ts), and SMTP's grammar.
 */
import type { Chance } from '../world/chance.ts';
import type { Deed, Manner, Scene } from '../world/exchanger.ts';
import type {
  ModelLimit,
  ModelPhase,
  ModelRate,
  ProviderModel,
  Quantiles,
  ReplyShare,
} from './model.ts';
import { pointsOf, quantileAt } from './quantiles.ts';

/** Recipients that a greylist remembers; beyond it forgets the oldest. */
const GREYLISTED_MAX = 100_000;

const PHASES: Readonly<Partial<Record<Scene['stage'], ModelPhase>>> = {
  greeting: 'connect',
  mail: 'mail',
  rcpt: 'rcpt',
  data: 'data',
  dot: 'dot',
};

const GOOD: Readonly<Record<ModelPhase, string>> = {
  connect: '220 ready',
  mail: '250 2.1.0 ok',
  rcpt: '250 2.1.5 ok',
  data: '354 go on',
  dot: '250 2.0.0 taken',
};

/** How a receiver of this model treats mail; every draw is of `chance`. */
export function modelManner(model: ProviderModel, chance: Chance): Manner {
  const shares = sharesByPhase(model.replies);
  const hasRoom = windowOf(model.message_rate);
  const isPutOff = greylistOf(model);
  const pace = paceOf(model, chance);

  const limitAt = (scene: Scene): ModelLimit | { readonly reply: string } | undefined => {
    const { connection_limit: connections, session_limit: session } = model;
    const { stage, open, transactions } = scene;
    if (stage === 'greeting') {
      return connections !== undefined && open > connections.count ? connections : undefined;
    }
    if (stage === 'rcpt') return isPutOff(scene) ? model.greylist : undefined;
    if (stage !== 'mail') return undefined;
    if (session !== undefined && transactions > session.count) return session;
    return hasRoom(scene.at) ? undefined : model.message_rate;
  };

  return (scene) => {
    const phase = PHASES[scene.stage];
    if (phase === undefined) return undefined;
    if (phase === 'mail') pace.begin(scene);
    const limit = limitAt(scene);
    const said = limit ?? draw(shares[phase], chance);
    if (said === undefined) return { say: GOOD[phase], ...pace.good(scene, phase) };
    const afterMs = pace.refusal(scene, phase);
    if ('does' in said && said.does === 'silent') return {};
    if (said.reply === undefined) return { ends: 'reset', afterMs };
    return answerOf(said.reply, phase, afterMs);
  };
}

/** 421 is the last word, and so is a refusal to begin. */
const answerOf = (say: string, phase: ModelPhase, afterMs: number): Deed =>
  say.startsWith('421') || phase === 'connect' ? { say, afterMs, ends: 'fin' } : { say, afterMs };

function sharesByPhase(replies: readonly ReplyShare[]): Record<ModelPhase, ReplyShare[]> {
  const shares: Record<ModelPhase, ReplyShare[]> = {
    connect: [],
    mail: [],
    rcpt: [],
    data: [],
    dot: [],
  };
  for (const one of replies) shares[one.phase].push(one);
  return shares;
}

/** One throw for a phase; none where there is nothing to draw. */
function draw(shares: readonly ReplyShare[], chance: Chance): ReplyShare | undefined {
  if (shares.length === 0) return undefined;
  let left = chance.uniform();
  return shares.find(({ share }) => {
    left -= share;
    return left < 0;
  });
}

/** Whether one message more may come now; if so it is counted. */
function windowOf(rate: ModelRate | undefined): (at: number) => boolean {
  if (rate === undefined) return () => true;
  const { count, per_ms: spanMs, block_ms: blockMs = 0 } = rate;
  const times = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  let next = 0;
  let blockedUntil = Number.NEGATIVE_INFINITY;
  return (at) => {
    if (at < blockedUntil) return false;
    // The message so many before this one is still within the span.
    if (at - (times[next] as number) < spanMs) {
      blockedUntil = at + blockMs;
      return false;
    }
    times[next] = at;
    next = (next + 1) % count;
    return true;
  };
}

function greylistOf({ greylist }: ProviderModel): (scene: Scene) => boolean {
  if (greylist === undefined) return () => false;
  const known = new Map<string, number>();
  return ({ recipient, at }) => {
    const knownAt = known.get(recipient);
    if (knownAt !== undefined) return at - knownAt < greylist.ms;
    known.set(recipient, at);
    for (const oldest of known.keys()) {
      if (known.size <= GREYLISTED_MAX) break;
      known.delete(oldest);
    }
    return true;
  };
}

const BEGUN = 'begun';
const REFUSING = 'refusing';

/** When answers come: the whole of a transaction has one time, drawn where it ends. */
function paceOf({ latency_ms: latency }: ProviderModel, chance: Chance) {
  const timer = (quantiles: Quantiles | undefined): (() => number) => {
    const points = pointsOf(quantiles ?? {});
    return points.length === 0 ? () => 0 : () => quantileAt(points, chance.uniform());
  };
  const connectMs = timer(latency.connect);
  const transactionMs = timer(latency.transaction);
  const refusalMs = timer(latency.refusal);
  const since = ({ session, at }: Scene): number => at - (session.get(BEGUN) ?? at);
  return {
    begin: ({ session, at }: Scene): void => {
      session.set(BEGUN, at);
      session.delete(REFUSING);
    },
    good: (scene: Scene, phase: ModelPhase): Pick<Deed, 'afterMs'> => {
      if (phase === 'connect') return { afterMs: connectMs() };
      if (phase !== 'dot') return {};
      return { afterMs: Math.max(0, transactionMs() - since(scene)) };
    },
    refusal: (scene: Scene, phase: ModelPhase): number => {
      if (phase === 'connect') return connectMs();
      if (phase === 'dot') return Math.max(0, transactionMs() - since(scene));
      // Those refused in one transaction are refused together.
      const ms = scene.session.get(REFUSING) ?? refusalMs();
      scene.session.set(REFUSING, ms);
      return Math.max(0, ms - since(scene));
    },
  };
}
