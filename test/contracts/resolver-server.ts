/**
 * A DNS server on loopback that answers as a test says: a function from question to what is done
 * about it, over UDP and TCP. The idea: tests speak of zones, replies and bytes, not of sockets.
 * It does not know the resolver under test.
 */
import type { Socket as UdpSocket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Answer, DecodedPacket, Packet } from 'dns-packet';
import dns from 'dns-packet';

/** What the server does about one query. */
export interface Script {
  readonly answers?: Answer[];
  readonly authorities?: Answer[];
  readonly rcode?: number;
  readonly isTruncated?: boolean;
  readonly delayMs?: number;
  readonly isSilent?: boolean;
  /** Bytes sent as they are, before the answer itself. */
  readonly before?: (query: DecodedPacket) => readonly Buffer[];
}

/** A query as the server saw it. */
export interface Seen {
  readonly name: string;
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
  readonly port: number;
  readonly id: number;
  readonly hasEdns: boolean;
}

/** A running server. */
export interface DnsServerUnderScript {
  readonly place: string;
  readonly seen: Seen[];
  stop(): void;
}

/** Answers a question; `transport` says how it came. */
export type Zone = (name: string, type: string, transport: 'udp' | 'tcp', seen: Seen) => Script;

/** The bytes of a response to `query`. */
export const respond = (query: DecodedPacket, script: Script, change: Packet = {}): Buffer =>
  dns.encode({
    type: 'response',
    id: query.id ?? 0,
    flags:
      dns.RECURSION_DESIRED |
      dns.RECURSION_AVAILABLE |
      (script.isTruncated ? dns.TRUNCATED_RESPONSE : 0) |
      (script.rcode ?? 0),
    questions: query.questions ?? [],
    answers: script.answers ?? [],
    authorities: script.authorities ?? [],
    ...change,
  });

const note = (query: DecodedPacket, transport: 'udp' | 'tcp', port: number): Seen => ({
  name: query.questions?.[0]?.name ?? '',
  type: query.questions?.[0]?.type ?? '',
  transport,
  port,
  id: query.id ?? 0,
  hasEdns: (query.additionals ?? []).some(({ type }) => type === 'OPT'),
});

const PORTS_TRIED_MAX = 20;

/** Binds UDP, and TCP at the same port: which somebody else may have, so another is tried. */
async function bindBoth(tcp: Server | undefined): Promise<UdpSocket> {
  for (let left = PORTS_TRIED_MAX; left > 0; left -= 1) {
    const udp = createSocket('udp4').bind(0, '127.0.0.1');
    await once(udp, 'listening');
    if (tcp === undefined) return udp;
    try {
      await once(tcp.listen(udp.address().port, '127.0.0.1'), 'listening');
      return udp;
    } catch {
      udp.close();
    }
  }
  throw new Error('no port is free for both UDP and TCP');
}

/** Starts a server; without TCP, connections are refused. */
export const startDnsServer = async (
  zone: Zone,
  options: { readonly hasTcp?: boolean } = {},
): Promise<DnsServerUnderScript> => {
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  const judge = (
    bytes: Buffer,
    transport: 'udp' | 'tcp',
    port: number,
    send: (bytes: Buffer) => void,
  ): void => {
    const query = dns.decode(bytes);
    const entry = note(query, transport, port);
    seen.push(entry);
    const script = zone(entry.name, entry.type, transport, entry);
    for (const extra of script.before?.(query) ?? []) send(extra);
    if (script.isSilent) return;
    setTimeout(() => send(respond(query, script)), script.delayMs ?? 0);
  };
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      judge(bytes.subarray(2), 'tcp', socket.remotePort ?? 0, (answer) => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        // In two pieces: the reader has to wait for the rest.
        socket.write(Buffer.concat([length, answer.subarray(0, 5)]));
        setTimeout(() => socket.write(answer.subarray(5)), 5);
      });
    });
  });
  const udp = await bindBoth((options.hasTcp ?? true) ? tcp : undefined);
  const { port } = udp.address();
  udp.on('message', (bytes, peer) => {
    judge(bytes, 'udp', peer.port, (answer) => {
      try {
        udp.send(answer, peer.port, peer.address);
      } catch {
        // The test is over and the socket is closed.
      }
    });
  });
  return {
    place: `127.0.0.1:${port}`,
    seen,
    stop: () => {
      udp.close();
      if (tcp.listening) tcp.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};

/** An MX record. */
export const mx = (name: string, preference: number, exchange: string, ttl = 300): Answer => ({
  type: 'MX',
  class: 'IN',
  name,
  ttl,
  data: { preference, exchange },
});

/** An address record. */
export const a = (name: string, data: string, ttl = 300): Answer => ({
  type: data.includes(':') ? 'AAAA' : 'A',
  class: 'IN',
  name,
  ttl,
  data,
});

/** An alias. */
export const cname = (name: string, data: string, ttl = 300): Answer => ({
  type: 'CNAME',
  class: 'IN',
  name,
  ttl,
  data,
});

/** The record that says how long an absence holds. */
export const soa = (name: string, ttl: number, minimum: number): Answer => ({
  type: 'SOA',
  class: 'IN',
  name,
  ttl,
  data: { mname: 'ns', rname: 'root', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
});
