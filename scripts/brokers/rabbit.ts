/**
 * A real RabbitMQ of one's own: a node with its own name server, ports of loopback and folder,
 * which is thrown away; it can be stopped, killed, hung, started again, and told things by
 * rabbitmqctl. Deliberately unknown here: exchanges, queues, who talks to it.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findFreePort } from '../../test/faults/free-port.ts';
import { listens, ProcessGroup } from './process.ts';
import { findRabbit } from './programs.ts';

const START_MS_MAX = 120_000;
const COMMAND_MS_MAX = 60_000;
const run = promisify(execFile);

/** What the node shows on its TLS port, and who signs clients: PEM texts. */
export interface RabbitTls {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

/** How a node is run. */
export interface RabbitWish {
  readonly tls?: RabbitTls;
  /** More lines of its configuration: `max_message_size = 1000`. */
  readonly settings?: readonly string[];
}

interface Ports {
  readonly plain: number;
  readonly tls: number;
  readonly distribution: number;
  readonly names: number;
}

/** One RabbitMQ node. */
export class RabbitBroker {
  readonly ports: Ports;
  readonly #dir: string;
  readonly #folder: string;
  #names: ProcessGroup | undefined;
  #processes: ProcessGroup | undefined;

  private constructor(folder: string, wish: RabbitWish, ports: Ports) {
    this.ports = ports;
    this.#folder = folder;
    this.#dir = mkdtempSync(join(tmpdir(), 'waybill-rabbitmq-'));
    writeFileSync(join(this.#dir, 'rabbitmq.conf'), configText(wish, ports, this.#dir));
    writeFileSync(join(this.#dir, 'plugins'), '[].\n');
  }

  /** Starts one; rejects with its last words when it is not ready in time. */
  static async start(wish: RabbitWish = {}): Promise<RabbitBroker> {
    const found = findRabbit();
    if ('lack' in found) throw new Error(found.lack);
    const broker = new RabbitBroker(found.folder, wish, await choosePorts());
    await broker.start();
    return broker;
  }

  /** Its address without TLS. */
  get address(): string {
    return `127.0.0.1:${this.ports.plain}`;
  }

  /** Starts it again, with what it kept. */
  async start(): Promise<void> {
    await this.#startNames();
    const program = join(this.#folder, 'rabbitmq-server');
    const logFile = join(this.#dir, 'broker.log');
    this.#processes = new ProcessGroup({ program, args: [], env: this.#environment, logFile });
    await this.#processes.waitFor(() => listens(this.ports.plain), START_MS_MAX, 'RabbitMQ');
  }

  /** Runs one command of rabbitmqctl; rejects with what it said when it fails. */
  async control(...args: string[]): Promise<string> {
    const options = { env: this.#environment, timeout: COMMAND_MS_MAX };
    const { stdout } = await run(join(this.#folder, 'rabbitmqctl'), args, options);
    return stdout;
  }

  /** Runs one expression inside the node. */
  async evaluate(expression: string): Promise<string> {
    return (await this.control('eval', expression)).trim();
  }

  /** Asks it to end, as an operator does. */
  async stop(): Promise<void> {
    await this.#processes?.stop();
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    await this.#processes?.kill();
    // The first of the group is a shell; the node itself may take a moment longer to be gone.
    while (await listens(this.ports.plain)) await sleep(20);
  }

  /** Holds it as a hung machine would: connections stand, nothing is answered. */
  hang(): void {
    this.#processes?.signal('SIGSTOP');
  }

  /** Lets it go on. */
  goOn(): void {
    this.#processes?.signal('SIGCONT');
  }

  /** Ends it and removes its folder. */
  async dispose(): Promise<void> {
    await this.kill();
    await this.#names?.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** Nodes find each other through epmd; with one of its own, a node leaves no daemon behind. */
  async #startNames(): Promise<void> {
    if (this.#names?.isEnded === false) return;
    const args = ['-port', String(this.ports.names), '-address', '127.0.0.1'];
    const logFile = join(this.#dir, 'names.log');
    this.#names = new ProcessGroup({ program: 'epmd', args, logFile });
    await this.#names.waitFor(() => listens(this.ports.names), START_MS_MAX, 'epmd');
  }

  get #environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      HOME: this.#dir,
      ERL_EPMD_PORT: String(this.ports.names),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `waybill-${this.ports.plain}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(this.ports.plain),
      RABBITMQ_DIST_PORT: String(this.ports.distribution),
      RABBITMQ_CONFIG_FILE: join(this.#dir, 'rabbitmq.conf'),
      RABBITMQ_CONF_ENV_FILE: join(this.#dir, 'none'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(this.#dir, 'plugins'),
      RABBITMQ_MNESIA_BASE: join(this.#dir, 'data'),
      RABBITMQ_LOG_BASE: join(this.#dir, 'logs'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    };
  }
}

async function choosePorts(): Promise<Ports> {
  const found = new Set<number>();
  while (found.size < 4) found.add(await findFreePort());
  const [plain = 0, tls = 0, distribution = 0, names = 0] = found;
  return { plain, tls, distribution, names };
}

function configText({ tls, settings = [] }: RabbitWish, ports: Ports, dir: string): string {
  const lines = ['log.console = true', 'disk_free_limit.absolute = 50MB', ...settings];
  if (tls !== undefined) {
    const files = { certificate: 'certificate.pem', key: 'key.pem', authority: 'authority.pem' };
    for (const part of ['certificate', 'key', 'authority'] as const) {
      writeFileSync(join(dir, files[part]), tls[part]);
    }
    lines.push(
      `listeners.ssl.default = 127.0.0.1:${ports.tls}`,
      `ssl_options.certfile = ${join(dir, files.certificate)}`,
      `ssl_options.keyfile = ${join(dir, files.key)}`,
      `ssl_options.cacertfile = ${join(dir, files.authority)}`,
      'ssl_options.verify = verify_peer',
      'ssl_options.fail_if_no_peer_cert = true',
    );
  }
  return `${lines.join('\n')}\n`;
}
