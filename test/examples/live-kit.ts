/**
 * A daemon with mail that waits in it, for commands that are tried on it: two queues whose receiver
 * puts everything off, one message in each, a source with a name, and a receiver that is silent.
 * Deliberately unknown here: the commands.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Daemon } from '../faults/daemon.ts';
import { makeScratch, until } from '../faults/scratch.ts';
import { Target } from '../faults/target.ts';
import type { Outcome } from './cli-run.ts';
import { waybill } from './cli-run.ts';

const policyText = (
  port: number,
  silentPort: number,
): string => `import { definePolicy } from 'waybill/policy';

const privileges = ['GET', 'POST', 'DELETE'];
export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:0', trusted_hosts: ['192.0.2.1'] });
    setup.logHook({ name: 'webhook', url: 'http://127.0.0.1:9/log' });
  },
  http_server_validate_auth_bearer: (token) =>
    token === 'deploy-token' && {
      peer_address: null,
      identities: [{ identity: 'deploy', context: 'BearerToken' }],
      groups: ['ops'],
    },
  get_acl_definition: (resource) =>
    resource === 'http_listener/*/api/admin'
      ? [
          { allow: true, privileges, identity: { Group: 'ops' } },
          { allow: true, privileges, identity: { Group: 'kumomta:http-listener-trusted-ip' } },
        ]
      : undefined,
  get_queue_config: (domain) => ({
    protocol: {
      smtp: { mx_list: ['127.0.0.1:' + (domain === 'silent.example' ? ${silentPort} : ${port})] },
    },
    egress_pool: 'pool',
    retry_interval: '1h',
  }),
  get_egress_pool: () => ({ entries: [{ name: 'ip-1' }] }),
  get_egress_source: () => ({}),
  get_egress_path_config: () => ({
    prohibited_hosts: [],
    enable_tls: 'Disabled',
    provider_name: 'big',
    max_deliveries_per_connection: 1,
  }),
});
`;

/** The queues that mail waits in. */
export const QUEUES = ['one.example', 'two.example'] as const;

/** A running daemon and ways to it. */
export class LiveDaemon {
  readonly target = new Target(() => 'defer');
  /** The receiver of silent.example: takes connections and says nothing. */
  readonly #silent = createServer((socket) => {
    this.#sockets.push(socket.on('error', () => {}));
  });
  readonly #sockets: Socket[] = [];
  readonly #scratch = makeScratch('live');
  readonly data = join(this.#scratch.path, 'data');
  /** Addresses of HTTP listeners: one for us, one that trusts somebody else. */
  endpoint = '';
  guarded = '';
  smtpPort = 0;
  #daemon: Daemon | undefined;

  /** Starts it, and waits until a message of each queue was tried once. */
  async start(): Promise<void> {
    mkdirSync(this.#scratch.path, { recursive: true });
    const policy = join(this.#scratch.path, 'policy.ts');
    await new Promise<void>((resolve) => this.#silent.listen(0, '127.0.0.1', resolve));
    const { port: silentPort } = this.#silent.address() as AddressInfo;
    writeFileSync(policy, policyText(await this.target.open(), silentPort));
    this.#daemon = new Daemon(policy, this.data);
    this.smtpPort = await this.#daemon.demandPort();
    const run = JSON.parse(readFileSync(join(this.data, 'run.json'), 'utf8')) as {
      httpListeners: string[];
    };
    [this.endpoint = '', this.guarded = ''] = run.httpListeners.map((place) => `http://${place}`);
    const to = QUEUES.flatMap((queue) => ['--to', `user@${queue}`]);
    const sent = await this.run('inject', '--from', 'p1@probe.test', ...to, '--text', 'hello');
    assert.match(sent.out, /^2 injected, 0 refused\n/, sent.err);
    assert.equal(sent.code, 0);
    const tries = (): number => [...this.target.tries.values()].reduce((sum, one) => sum + one, 0);
    assert.ok(await until(() => tries() >= QUEUES.length, 20_000), 'mail was tried');
  }

  /** Runs a command about this daemon to its end. */
  run(...words: string[]): Promise<Outcome> {
    return waybill(...words, '--endpoint', this.endpoint);
  }

  /** Runs a command and reads what it says with --json. */
  async json<T>(...words: string[]): Promise<T> {
    const { code, out, err } = await this.run(...words, '--json');
    assert.equal(code, 0, `${words.join(' ')}: ${err}`);
    return JSON.parse(out) as T;
  }

  path(name: string): string {
    return join(this.#scratch.path, name);
  }

  async stop(): Promise<void> {
    await this.#daemon?.kill();
    await this.target.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#silent.close();
    this.#scratch.remove();
  }
}
