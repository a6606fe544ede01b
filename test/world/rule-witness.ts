/**
 * What the durable log says of operators' rules and of the queue each message lies in, told apart
 * from the engine's books. The one idea: laws about rules ask here which of them were alive at a
 * record; matching is written anew, so an error in the engine's own cannot hide itself. Judges
 * nothing.
 */
import type { Criteria } from '../../src/domain/admin-rules.ts';
import type { OrderedBody, PlacedBody } from '../../src/events/admin.ts';
import type { AcceptedBody } from '../../src/events/message.ts';
import type { ReboundBody } from '../../src/events/message-by-hand.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';

/** A rule as the log tells it. */
export interface ToldRule {
  readonly id: string;
  readonly kind: 'suspension' | 'ready' | 'purge';
  readonly body: PlacedBody | OrderedBody;
  readonly from: number;
}

const NAME = /^(?:(?:([^:@]*):)?([^@]*)@)?([^!]*)(?:!(.*))?$/;

/** True when criteria mean the queue. */
export function means(criteria: Criteria, queue: string): boolean {
  if (criteria.queue_names !== undefined) return criteria.queue_names.includes(queue);
  const [, campaign, tenant, domain, routing_domain] = NAME.exec(queue) ?? [];
  const parts = { campaign, tenant, domain, routing_domain };
  return (Object.keys(parts) as (keyof typeof parts)[]).every(
    (part) => criteria[part] === undefined || criteria[part] === parts[part],
  );
}

/** Follows records; asked between them. */
export class RuleWitness {
  readonly rules = new Map<string, ToldRule>();
  /** Queue of each message, of ended ones too. */
  readonly queueOf = new Map<string, string>();

  /** Takes the next record in. */
  take({ type, stream, body, at }: StoredRecord): void {
    if (type === 'suspension.placed' || type === 'purge.ordered') {
      const said = JSON.parse(body) as PlacedBody | OrderedBody;
      const isReady = 'ready' in said && said.ready !== undefined;
      const kind = type === 'purge.ordered' ? 'purge' : isReady ? 'ready' : 'suspension';
      this.rules.set(stream, { id: stream, kind, body: said, from: at });
    } else if (/^(suspension|purge)\.(lifted|cancelled|ended)$/.test(type)) {
      this.rules.delete(stream);
    } else if (type === 'message.accepted') {
      this.queueOf.set(stream, (JSON.parse(body) as AcceptedBody).queue);
    } else if (type === 'message.rebound') {
      this.queueOf.set(stream, (JSON.parse(body) as ReboundBody).queue);
    }
  }

  /** The living rules of a kind that mean a queue. */
  over(queue: string, kind: 'suspension' | 'purge'): ToldRule[] {
    return [...this.rules.values()].filter((rule) => rule.kind === kind && means(rule.body, queue));
  }

  /** The living suspension of a ready queue. */
  overReady(name: string): ToldRule | undefined {
    return [...this.rules.values()].find(({ kind, body }) => {
      return kind === 'ready' && (body as PlacedBody).ready === name;
    });
  }
}
