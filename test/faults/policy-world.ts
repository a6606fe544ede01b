/**
 * A daemon with an operator's whole policy: a module, two data files, an HTTP listener; mail flows
 * into it at a steady rate while the files are edited.
 * The one idea: an edit shows by itself in what reaches the targets, so nothing inside the daemon
 * is asked whether a change took effect.
 * Deliberately unknown here: loader, canary, workers.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon } from './daemon.ts';
import type { ProbeShape } from './probe-mail.ts';
import type { Answer } from './sender.ts';
import { SteadyMail } from './steady-mail.ts';
import { Target } from './target.ts';

/** The mail of these runs. */
export const SHAPE: ProbeShape = { domains: 5, bodyBytes: 2500, pairEvery: 0 };

/** 500 a second. */
const ROUND = { messages: 25, everyMs: 50 };

/** The module of the policy at first. */
export const POLICY = `import { definePolicy } from 'waybill/policy';
import { shaping, sources } from 'waybill/helpers';
import { nextHop } from './routes.ts';

export default definePolicy(
  sources({ files: ['sources.toml'] }),
  shaping({ files: ['shaping.toml'], no_default_files: true }),
  {
    init(setup) {
      setup.smtpListener({ listen: '127.0.0.1:0' });
      setup.httpListener({ listen: '127.0.0.1:0' });
      setup.configMonitorInterval('1s');
    },
    get_queue_config: () => ({
      egress_pool: 'main',
      refresh_strategy: 'Epoch',
      retry_interval: '1s',
      protocol: { smtp: { mx_list: [nextHop] } },
    }),
  },
);
`;

/** What the files of the policy say at first. */
export const FIRST = {
  sources: `[source."one"]
ehlo_domain = "first.example"
[pool."main"]
[pool."main"."one"]
`,
  shaping: `["default"]
prohibited_hosts = []
enable_tls = "Disabled"
max_deliveries_per_connection = 1000
`,
};

/** The folder, the daemon and its targets. */
export class PolicyWorld {
  readonly folder: string;
  readonly data: string;
  readonly targets: readonly [Target, Target] = [new Target(), new Target()];
  readonly ports: number[] = [];
  readonly #mail = new SteadyMail({ ...ROUND, shape: SHAPE, port: () => this.daemon.port() });
  #daemon: Daemon | undefined;

  constructor(folder: string) {
    this.folder = join(folder, 'etc');
    this.data = join(folder, 'data');
  }

  get answers(): readonly Answer[] {
    return this.#mail.answers;
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error('the daemon was not started');
    return this.#daemon;
  }

  get policyFile(): string {
    return join(this.folder, 'policy.ts');
  }

  /** Writes the first files; the targets listen. */
  async prepare(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    for (const target of this.targets) this.ports.push(await target.open());
    this.edit('policy.ts', POLICY);
    this.edit('sources.toml', FIRST.sources);
    this.edit('shaping.toml', FIRST.shaping);
    this.route(0);
  }

  start(): Daemon {
    this.#daemon = new Daemon(this.policyFile, this.data);
    return this.#daemon;
  }

  /** As editors do: the new text takes the old one's place in one step. */
  edit(name: string, text: string): void {
    writeFileSync(join(this.folder, `${name}.new`), text);
    renameSync(join(this.folder, `${name}.new`), join(this.folder, name));
  }

  /** Points the module at a target. */
  route(target: number): void {
    this.edit('routes.ts', `export const nextHop = '127.0.0.1:${this.ports[target]}';\n`);
  }

  /** Sends 500 messages a second until told to stop. */
  startSending(): void {
    this.#mail.start();
  }

  async stopSending(): Promise<void> {
    await this.#mail.stop();
  }

  async close(): Promise<void> {
    await this.stopSending();
    await this.#daemon?.kill();
    for (const target of this.targets) await target.close();
  }
}
