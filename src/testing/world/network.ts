/**
 * The world's network: addresses with exchangers behind them, links between them and an engine.
 * The one idea: links are in the world, not in the process, so a process may die with bytes under
 * way and the exchanger may still get them. Every write is shown to a tap at the moment it is made.
 * Deliberately unknown here: what is written. TLS is a word between link and exchanger, no cipher.
 */
import type {
  DialRequest,
  Fault,
  FaultCode,
  Link,
  LinkListener,
  Network,
  TlsRequest,
} from '../../ports/ports.ts';
import type { ProxyRoute } from '../../ports/proxy-route.ts';
import { BrokenAddresses } from './broken.ts';
import type { Chance, Faults } from './chance.ts';
import type { LifeClock, WorldTime } from './clock.ts';
import type { Deed, Exchanger, ServerSession } from './exchanger.ts';
import type { Dialled, Host, Tap } from './host.ts';
import { joinChunks, joinSaid } from './joining.ts';
import { Pipe } from './pipe.ts';
import type { WorldProxy } from './proxy.ts';
import { askOf, placeOf, proxyFault } from './proxy.ts';

export type { Dialled, Host, Tap } from './host.ts';

const openedOf = ({ kind, sourceAddress }: ProxyRoute) => ({
  localAddress: sourceAddress,
  protocol: kind,
});

const DIAL_MS_MAX = 60;
const DRAIN_MS_MAX = 200;

/** All hosts and all links. */
export class Internet {
  readonly hosts = new Map<string, Host>();
  readonly proxies = new Map<string, WorldProxy>();
  /** What a proxy does that nobody has placed. */
  elsewhere: WorldProxy['answers'] = 'refused';
  readonly links = new Set<WorldLink>();
  readonly time: WorldTime;
  readonly chance: Chance;
  faults: Faults;
  tap: Tap = () => {};
  /** Links ever made; their ordinal numbers them. */
  dials = 0;
  readonly broken = new BrokenAddresses();
  /** Sees each dial when it is made; `from` is '' where the system chooses. */
  onDial: (from: string, to: string) => void = () => {};
  /** Who dialled from where, in order. */
  readonly dialled: Dialled[] = [];
  /** For much mail: neither dials nor copies are kept, and bytes travel whole. */
  readonly isLean: boolean;

  constructor(time: WorldTime, chance: Chance, faults: Faults, isLean = false) {
    this.isLean = isLean;
    this.time = time;
    this.chance = chance;
    this.faults = faults;
  }

  addHost(address: string, exchanger: Exchanger): Host {
    exchanger.keepsCopies = !this.isLean;
    const host: Host = { exchanger, answers: 'open' };
    this.hosts.set(address, host);
    return host;
  }

  /** A proxy at `place`, `host:port` or a path; a dial through any other place is refused. */
  addProxy(place: string): WorldProxy {
    const proxy: WorldProxy = { answers: 'open', asked: [] };
    this.proxies.set(place, proxy);
    return proxy;
  }

  /** The network as one process has it. */
  attach(clock: LifeClock): Network {
    return { dial: (request, listener) => new WorldLink(this, clock, request, listener) };
  }

  /** The process is gone: its links break, what was under way may still arrive. */
  cutAll(): void {
    for (const link of [...this.links]) link.destroy();
  }
}

/** One link, seen from the engine. */
export class WorldLink implements Link {
  readonly number: number;
  readonly #net: Internet;
  readonly #clock: LifeClock;
  readonly #listener: LinkListener;
  readonly #where: string;
  #up: Pipe | undefined;
  #down: Pipe | undefined;
  #session: ServerSession | undefined;
  #stalled: Fault | undefined;
  #isOver = false;

  constructor(net: Internet, clock: LifeClock, request: DialRequest, listener: LinkListener) {
    net.dials += 1;
    this.number = net.dials;
    this.#net = net;
    this.#clock = clock;
    this.#listener = listener;
    this.#where = `${request.address}:${request.port}`;
    net.links.add(this);
    const through = placeOf(request);
    const from = request.localAddress ?? '';
    if (!net.isLean) {
      const at = net.time.now;
      const to = request.address;
      net.dialled.push({ at, from, to, ...(through === undefined ? {} : { through }) });
    }
    net.onDial(from, request.address);
    const broken = net.broken.from.get(from);
    if (broken !== undefined) this.#fail(broken, from);
    else if (request.proxy === undefined || through === undefined) {
      this.#dial(net.hosts.get(request.address), request.localAddress ?? '192.0.2.1');
    } else this.#dialThrough(request, request.proxy, through);
  }

  stalled(): Fault | undefined {
    return this.#stalled;
  }

  // A proxy takes its time to fail, a local address fails at once.
  #fail(code: FaultCode, from: string): void {
    const { chance, time, broken } = this.#net;
    const waitMs = code === 'FAULT_LINK_UNPLUMBED' ? 0 : chance.between(1, DIAL_MS_MAX);
    this.#later(waitMs, () => {
      broken.failed.push({ at: time.now, from, code });
      this.#lose(code, `told to fail with ${code}`);
    });
  }

  write(chunks: readonly (Buffer | string)[]): boolean {
    if (this.#isOver || this.#up === undefined) return true;
    const bytes = joinChunks(chunks);
    this.#net.tap(this.number, bytes);
    this.#up.send(bytes);
    const { chance, faults } = this.#net;
    if (!chance.hits(faults.full)) return true;
    this.#later(chance.between(1, DRAIN_MS_MAX), () => this.#listener.drained());
    return false;
  }

  secure({ verify }: TlsRequest): void {
    const isPunctual = this.#session?.isPunctual === true;
    this.#later(isPunctual ? 0 : this.#net.chance.between(1, DIAL_MS_MAX), () => {
      const session = this.#session;
      const tls = session?.tls;
      if (tls !== 'valid' && tls !== 'unverifiable') {
        return this.#lose('FAULT_TLS_HANDSHAKE', 'the handshake failed');
      }
      const authorized = tls === 'valid';
      if (verify && !authorized) return this.#lose('FAULT_TLS_CERTIFICATE', 'not trusted');
      session?.secured(verify && authorized);
      const peerSubject = this.#where;
      this.#listener.secured({ protocol: 'TLSv1.3', cipher: 'word', authorized, peerSubject });
    });
  }

  end(): void {
    if (this.#isOver) return;
    this.#close();
    this.#up?.finish('ended');
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#close();
    // A reset may overtake what was sent before it, or not.
    if (this.#net.chance.hits(0.5)) this.#up?.cut();
    else this.#up?.finish('broke');
    // It holds no place there any more, though what was sent may still arrive.
    this.#session?.leave();
  }

  #forget(): void {
    this.#session?.leave();
    this.#session = undefined;
  }

  #close(): void {
    this.#isOver = true;
    this.#net.links.delete(this);
    const dialled = this.#net.dialled[this.number - 1];
    if (dialled !== undefined) dialled.endedAt = this.#net.time.now;
    this.#down?.cut();
  }

  #dialThrough({ address }: DialRequest, route: ProxyRoute, place: string): void {
    const { chance, hosts, proxies } = this.#net;
    const proxy = proxies.get(place);
    const answers = proxy?.answers ?? this.#net.elsewhere;
    if (answers === 'never' || answers === 'mute') {
      this.#stalled = proxyFault(place, answers);
      return;
    }
    this.#later(chance.between(1, DIAL_MS_MAX), () => {
      if (answers !== 'open') return this.#loseBy(proxyFault(place, answers));
      proxy?.asked.push(askOf(route));
      if (route.kind === 'haproxy') {
        // It says nothing of the peer: it takes the link, and drops it when nobody is there.
        const host = hosts.get(address);
        this.#listener.opened({ ...openedOf(route), localPort: 0 });
        if (host?.answers === 'open') this.#meet(host.exchanger);
        else if (host?.answers !== 'never') this.#lose('FAULT_LINK_ENDED', 'closed by the peer');
        return;
      }
      const cause = `proxy ${place}: no answer, waiting for the answer to CONNECT`;
      this.#stalled = { code: 'FAULT_PROXY_TARGET', where: place, cause, retryable: true };
      this.#dial(hosts.get(address), route.sourceAddress, route);
    });
  }

  #dial(host: Host | undefined, localAddress: string, route?: ProxyRoute): void {
    const { chance, faults } = this.#net;
    const isRefused =
      host === undefined || host.answers === 'refused' || chance.hits(faults.refuse);
    if (host?.answers === 'never' || chance.hits(faults.vanish)) return;
    const waitMs = host?.exchanger.isPunctual === true ? 0 : chance.between(1, DIAL_MS_MAX);
    this.#later(waitMs, () => {
      const code = route === undefined ? 'FAULT_LINK_REFUSED' : 'FAULT_PROXY_TARGET';
      if (isRefused) return this.#lose(code, 'connection refused');
      this.#stalled = undefined;
      this.#meet(host.exchanger);
      const localPort = 1024 + (this.number % 60_000);
      const opened = route === undefined ? { localAddress } : openedOf(route);
      this.#listener.opened({ ...opened, localPort });
    });
  }

  #meet(exchanger: Exchanger): void {
    const session = exchanger.meet();
    this.#session = session;
    const toUs = {
      received: (bytes: Buffer) => this.#listener.received(bytes),
      ended: () => this.#lose('FAULT_LINK_ENDED', 'the peer closed the connection'),
      broke: () => this.#lose('FAULT_LINK_RESET', 'connection reset by peer'),
    };
    const toThem = {
      received: (bytes: Buffer) => this.#serve(session, bytes),
      ended: () => this.#leave(),
      broke: () => this.#leave(),
    };
    this.#down = new Pipe(this.#net, toUs, exchanger.isPunctual);
    this.#up = new Pipe(this.#net, toThem, exchanger.isPunctual);
    this.#obey(session.greet(this.#net.time.now));
  }

  #serve(session: ServerSession, bytes: Buffer): void {
    if (this.#session === undefined) return;
    const deeds = session.hear(bytes, this.#net.time.now);
    for (const deed of this.#net.isLean ? joinSaid(deeds) : deeds) this.#obey(deed);
  }

  /** The exchanger's end of the link is closed. */
  #leave(): void {
    this.#forget();
    this.#up?.cut();
    this.#down?.finish('broke');
  }

  #obey(deed: Deed): void {
    const down = this.#down;
    if (down === undefined) return;
    const { say, afterMs = 0, ends } = deed;
    if (say !== undefined) {
      down.send(Buffer.from(`${say.replaceAll('\n', '\r\n')}\r\n`, 'latin1'), afterMs);
    }
    if (ends === undefined) return;
    this.#forget();
    this.#up?.cut();
    down.finish(ends === 'fin' ? 'ended' : 'broke', afterMs);
  }

  #lose(code: FaultCode, cause: string): void {
    this.#loseBy({ code, where: this.#where, cause, retryable: true });
  }

  #loseBy(fault: Fault): void {
    if (this.#isOver) return;
    this.#close();
    if (!this.#clock.isOver) this.#listener.lost(fault);
  }

  #later(waitMs: number, run: () => void): void {
    this.#net.time.schedule(waitMs, () => {
      if (!this.#isOver && !this.#clock.isOver) run();
    });
  }
}
