/**
 * Policy looks at the messages of a request: `http_message_generated`, message by message, bounded
 * in time. The idea: a message nobody wants to look at passes as it is, and one that policy refuses
 * fails its recipient alone. Deliberately unknown here: rendering, and how messages are stored.
 */
import type { AuthInfo } from '../../domain/auth-info.ts';
import { rejectionOf } from '../../domain/reject.ts';
import { Message } from '../../mail/message.ts';
import { Metadata } from '../../mail/metadata.ts';
import { Consulting } from '../consulting.ts';
import type { IntakeHost } from '../host.ts';
import type { Draft, InjectClient, Rejection, ShapeDraft } from './draft.ts';

/** How long a handler may take for one message, ms. */
export const SHAPING_MS_MAX = 30_000;

const HANDLER = 'http_message_generated';

/** Whom policy is told of; after a restart no more is known than the name. */
const authOf = ({ info, auth, peer }: InjectClient): AuthInfo =>
  info ?? {
    peer_address: peer,
    identities: auth === peer ? [] : [{ identity: auth, context: 'GenericAuth' }],
    groups: [],
  };

/** Shapes drafts as the policy in force says. */
export function makeShaping(host: Pick<IntakeHost, 'reception'>): ShapeDraft {
  const consulting = new Consulting({
    host,
    isGone: () => false,
    waitMsMax: () => SHAPING_MS_MAX,
  });
  return async (draft, client) => {
    if (!consulting.hears(HANDLER)) return draft;
    try {
      return await ask(consulting, draft, client);
    } catch (error) {
      // Metadata that are too large, or lead to no queue.
      const rejection = rejectionOf(error);
      if (rejection === undefined) throw error;
      return { rejection: `${rejection.code} ${rejection.text}` };
    }
  };
}

async function ask(
  consulting: Consulting,
  draft: Draft,
  client: InjectClient,
): Promise<Draft | Rejection> {
  const message = new Message({
    id: draft.id,
    sender: draft.from,
    recipients: draft.to,
    chunks: draft.chunks,
    meta: Metadata.of(draft.meta),
    isUtf8: true,
  });
  const args = [message, Object.freeze(authOf(client))];
  const about = `a message from ${client.auth}`;
  const refusal = await new Promise<string | undefined>((resolve) =>
    consulting.ask({ handler: HANDLER, args, about, read: () => undefined }, (refused) =>
      resolve(
        refused && [refused.code, refused.enhanced, refused.text].filter((one) => one).join(' '),
      ),
    ),
  );
  // A handler that goes on after its time must not change what is stored.
  message.seal();
  if (refusal !== undefined) return { rejection: refusal };
  const { sender: from, recipients: to, ...rest } = message.shape();
  return { ...draft, ...rest, from, to, isShaped: true };
}
