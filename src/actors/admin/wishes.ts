/**
 * What an operator may wish of many queues at once, as commands. They are refused with a sentence
 * or become events; see ruling.ts. Knows nothing of HTTP.
 */
import type { Criteria } from '../../domain/admin-rules.ts';
import type { QueueMove } from '../../domain/queue-change.ts';

/** How long a rule shall hold: for a span from its turn on, or until a time; in milliseconds. */
export type Span = { readonly ms: number } | { readonly until: number };

/** Who wishes, in words for the log. */
export interface Wisher {
  readonly by?: string | undefined;
}

/** A wish about rules or about many messages. `id` comes from `allocateRuleId`. */
export type AdminCommand = Wisher &
  (
    | {
        readonly kind: 'suspension.place';
        readonly id: string;
        /** Scheduled queues by criteria, or a ready queue by its name. */
        readonly about: { readonly criteria: Criteria } | { readonly ready: string };
        readonly span: Span;
        readonly why: string;
      }
    | { readonly kind: 'suspension.lift'; readonly id: string; readonly isReady: boolean }
    | {
        readonly kind: 'purge.order';
        readonly id: string;
        readonly criteria: Criteria;
        readonly span: Span;
        readonly why: string;
        readonly isQuiet: boolean;
      }
    | { readonly kind: 'purge.cancel'; readonly id: string }
    | {
        readonly kind: 'rebind.order';
        readonly id: string;
        readonly criteria: Criteria;
        /** Without it the policy's rebind_message is asked, with `data`. */
        readonly move?: QueueMove;
        readonly data: Readonly<Record<string, string>>;
        readonly isFlush: boolean;
        readonly isQuiet: boolean;
        readonly why: string;
      }
    | {
        /** Ends a connection of a ready queue; what it has in hand goes elsewhere. */
        readonly kind: 'connection.abort';
        readonly ready: string;
        /** UUID of its session. */
        readonly session: string;
        readonly why: string;
      }
    | {
        /** Writes down what somebody did outside the engine. */
        readonly kind: 'act.note';
        readonly act: string;
        readonly about: string;
        readonly why: string;
      }
  );
