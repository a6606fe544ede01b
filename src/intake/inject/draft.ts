/**
 * A message of a request between its rendering and its storing: what policy may look at and
 * change. The idea: one value in, one value or a rejection out, so that shaping stands between two
 * parts that do not know of it. Deliberately unknown here: who shapes.
 */
import type { AuthInfo } from '../../domain/auth-info.ts';
import type { Schedule } from '../../domain/schedule.ts';
import { formatReceived, formatReference } from '../trace-header.ts';
import type { TraceHeaders } from './request.ts';

/** What is known of the client of a request. */
export interface InjectClient {
  /** IP address of the peer, without port. */
  readonly peer: string;
  /** Address and port of the listener; its address alone is metadata. */
  readonly listener: string;
  readonly via: string;
  readonly hostname: string;
  /** Who the client is, as far as it was asked; else its address. */
  readonly auth: string;
  /** All that was proved; not known any more for requests of an earlier run. */
  readonly info?: AuthInfo | undefined;
}

/** One message on its way. */
export interface Draft {
  readonly id: string;
  /** '' for the null sender. */
  readonly from: string;
  readonly to: readonly string[];
  readonly chunks: readonly Buffer[];
  readonly meta: Readonly<Record<string, unknown>>;
  /** Policy has seen it, and may have set metadata that are its own to name. */
  readonly isShaped?: true;
  /** The first attempt is not made before; undefined = at once. */
  readonly dueAt?: number | undefined;
  readonly schedule?: Schedule | undefined;
  /** The scheduled queue; undefined = that of the recipient's domain, 'null' = nobody's. */
  readonly queue?: string | undefined;
  /** The trace header that is put in front after shaping. */
  readonly trace: TraceHeaders;
}

/** Why a draft is not taken. */
export interface Rejection {
  readonly rejection: string;
}

/** Shapes a draft: `http_message_generated`. */
export type ShapeDraft = (draft: Draft, client: InjectClient) => Promise<Draft | Rejection>;

/** The metadata of a message of this client. */
export function metaOf(client: InjectClient, extra: Readonly<Record<string, unknown>> | undefined) {
  return {
    http_auth: client.auth,
    reception_protocol: 'HTTP',
    received_from: client.peer,
    received_via: client.via,
    hostname: client.hostname,
    ...(extra === undefined ? {} : { extra }),
  };
}

/** The Received line of a message that came by HTTP (RFC 5321 section 4.4). */
export function receivedFor(
  { id, from, to }: Pick<Draft, 'id' | 'from' | 'to'>,
  client: InjectClient,
  receivedAt: number,
): Buffer {
  const helo = from.slice(from.lastIndexOf('@') + 1);
  const { peer, hostname } = client;
  const recipient = to.length === 1 ? to[0] : undefined;
  const passage = { helo, peer, hostname, protocol: 'HTTP', id, recipient, receivedAt };
  return Buffer.from(formatReceived(passage));
}

/** The chunks of a shaped draft as they are stored. */
export function dress({ chunks, trace, to, meta }: Draft): readonly Buffer[] {
  if (!trace.supplemental_header) return chunks;
  const chosen = trace.include_meta_names.filter((name) => Object.hasOwn(meta, name));
  const named = Object.fromEntries(chosen.map((name) => [name, meta[name]]));
  return [Buffer.from(formatReference(trace.header_name, to, named)), ...chunks];
}
