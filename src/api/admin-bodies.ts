/**
 * The bodies of requests about admin rules, and what they mean as wishes. They are read strictly:
 * an unknown key, a wrong value or a missing one is refused with a sentence that names the key.
 * Deliberately unknown here: HTTP, and what becomes of a wish.
 */
import type { AdminCommand, Span } from '../actors/admin/wishes.ts';
import type { Criteria } from '../domain/admin-rules.ts';
import { CRITERIA_PARTS, criteriaOf } from '../domain/admin-rules.ts';
import { moment } from '../domain/instant.ts';
import { OptionError } from '../domain/option-error.ts';
import { duration, flag, listOf, mapOf, text } from '../domain/option-kinds.ts';
import type { Parsed } from '../domain/options.ts';
import { locate, option, optional, required } from '../domain/options.ts';
import type { QueueMove } from '../domain/queue-change.ts';
import { parseQueueChange } from '../domain/queue-change.ts';
import { formatQueueName, isUnambiguous, parseQueueName } from '../domain/queue-name.ts';
import type { Shape } from './route.ts';
import { bodyOf } from './route.ts';

/** Text in which control characters would only hide. */
const name = optional(text, 'exactly so named; any when left out');
const CRITERIA = {
  campaign: name,
  tenant: name,
  domain: name,
  queue_names: optional(listOf(text), 'these scheduled queues and no others'),
};
const SPAN = {
  reason: required(text, 'why, for whoever looks'),
  duration: option(duration, '5m', 'how long it holds'),
  expires: optional(moment, 'until when it holds; wins over duration'),
};

const dry_run = option(flag, false, 'counts what is meant, and does nothing');

/** The body of a suspension of scheduled queues. */
export const SUSPEND_BODY = bodyOf({ ...CRITERIA, ...SPAN, dry_run });
/** The body of a suspension of a ready queue. */
export const SUSPEND_READY_BODY = bodyOf({
  name: required(text, 'name of the ready queue'),
  ...SPAN,
});
/** The body of an admin bounce. */
export const BOUNCE_BODY = bodyOf({
  ...CRITERIA,
  routing_domain: name,
  ...SPAN,
  suppress_logging: option(flag, false, 'readers do not tell of the messages'),
  dry_run,
});
/** The body of a rebind. */
export const REBIND_BODY = bodyOf({
  ...CRITERIA,
  routing_domain: name,
  reason: SPAN.reason,
  data: required(mapOf(text), 'where to, or what rebind_message is given'),
  always_flush: option(flag, false, 'due at once, also where the queue stays the same'),
  suppress_logging: option(flag, false, 'readers do not tell of the moves'),
  trigger_rebind_event: option(flag, false, 'rebind_message decides'),
  dry_run,
});
/** The body that names an entry. */
export const BY_ID = bodyOf({ id: required(text, 'id of the entry') });

type Read<S> = S extends Shape<infer T> ? T : never;
type Place = Extract<AdminCommand, { readonly kind: 'suspension.place' }>;
type PlaceOf<About> = Omit<Place, 'id' | 'by' | 'about'> & { readonly about: About };

/** A suspension of scheduled queues; `where` names the request in a refusal. */
export function readSuspend(
  body: Read<typeof SUSPEND_BODY>,
  where: string,
): PlaceOf<{ readonly criteria: Criteria }> {
  const about = { criteria: criteriaFrom(body, where) };
  return { kind: 'suspension.place', about, span: spanOf(body), why: body.reason };
}

/** A suspension of a ready queue. */
export function readSuspendReady(
  body: Read<typeof SUSPEND_READY_BODY>,
): PlaceOf<{ readonly ready: string }> {
  const about = { ready: body.name };
  return { kind: 'suspension.place', about, span: spanOf(body), why: body.reason };
}

/** An admin bounce. */
export function readBounce(
  body: Read<typeof BOUNCE_BODY>,
  where: string,
): Omit<Extract<AdminCommand, { readonly kind: 'purge.order' }>, 'id' | 'by'> {
  return {
    kind: 'purge.order',
    criteria: criteriaFrom(body, where),
    span: spanOf(body),
    why: body.reason,
    isQuiet: body.suppress_logging,
  };
}

/** A rebind. */
export function readRebind(
  body: Read<typeof REBIND_BODY>,
  where: string,
): Omit<Extract<AdminCommand, { readonly kind: 'rebind.order' }>, 'id' | 'by'> {
  return {
    kind: 'rebind.order',
    criteria: criteriaFrom(body, where),
    ...(body.trigger_rebind_event ? {} : { move: moveOf(body.data, where) }),
    data: body.data,
    isFlush: body.always_flush,
    isQuiet: body.suppress_logging,
    why: body.reason,
  };
}

const spanOf = ({ duration: ms, expires }: Parsed<typeof SPAN>): Span =>
  expires === undefined ? { ms } : { until: expires };

function criteriaFrom(body: Criteria, where: string): Criteria {
  if (body.queue_names?.length === 0) {
    const fix = 'name queues, or leave it out to mean every queue';
    throw new OptionError(where, 'queue_names', 'is an empty list', fix);
  }
  // Queues are named by domains in lower case.
  const lower: { -readonly [Part in keyof Criteria]: Criteria[Part] } = { ...body };
  for (const part of ['domain', 'routing_domain'] as const) {
    if (lower[part] !== undefined) lower[part] = lower[part].toLowerCase();
  }
  return criteriaOf(lower);
}

const MOVABLE: readonly string[] = ['queue', ...CRITERIA_PARTS.filter((part) => part !== 'domain')];

/** Where `data` sends a message: what of it would be metadata that names queues. */
function moveOf(data: Readonly<Record<string, string>>, where: string): QueueMove {
  for (const key of Object.keys(data)) {
    if (MOVABLE.includes(key)) continue;
    const fix = `use ${MOVABLE.join(', ')}, or set trigger_rebind_event and let the policy decide`;
    throw new OptionError(where, `data.${key}`, 'does not name a part of a queue', fix);
  }
  const { queue, ...parts } = data;
  if (queue === undefined) return locate(where, 'data', () => parseQueueChange(parts, ''));
  const { domain, ...rest } = parseQueueName(queue);
  const named = { campaign: null, tenant: null, routing_domain: null, ...rest };
  const whole = locate(where, 'data', () => parseQueueChange({ ...named, domain }, 'queue'));
  if (isUnambiguous(parseQueueName(formatQueueName({ domain, ...rest })))) return whole;
  throw new OptionError(where, 'data.queue', 'is no name of a queue', "write 'tenant@domain'");
}
