/**
 * `npm run brokers`: real RabbitMQ and Kafka brokers on this machine, for tests and for trying out.
 *   --prepare        installs and fetches what they need, starts nothing
 *   [kafka-3 kafka-4 rabbitmq] [-- COMMAND ...]
 * Starts those named, or all, says where they are, and ends them with the command or at Ctrl-C.
 * Deliberately unknown here: what is sent to them.
 */
import { spawn } from 'node:child_process';
import { KafkaBroker } from './brokers/kafka.ts';
import { prepareBrokers } from './brokers/prepare.ts';
import { areBrokersRequired } from './brokers/programs.ts';
import { RabbitBroker } from './brokers/rabbit.ts';

interface Running {
  readonly name: string;
  readonly address: string;
  dispose(): Promise<void>;
}

const STARTS: Readonly<Record<string, () => Promise<Omit<Running, 'name'>>>> = {
  'kafka-3': () => KafkaBroker.start({ line: '3' }),
  'kafka-4': () => KafkaBroker.start({ line: '4' }),
  rabbitmq: () => RabbitBroker.start(),
};

const say = (sentence: string): void => void process.stdout.write(`${sentence}\n`);

/** `kafka-3` is found by the command as KAFKA_3. */
const variableOf = (name: string): string => name.toUpperCase().replace('-', '_');

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--prepare')) {
    const lacks = prepareBrokers(say);
    for (const lack of lacks) say(lack);
    return lacks.length > 0 && areBrokersRequired() ? 1 : 0;
  }
  const cut = args.indexOf('--');
  const named = cut === -1 ? args : args.slice(0, cut);
  const stranger = named.find((name) => !Object.hasOwn(STARTS, name));
  if (stranger !== undefined) {
    say(`there is no broker '${stranger}'; use ${Object.keys(STARTS).join(', ')}`);
    return 64;
  }
  const running = await startAll(named.length === 0 ? Object.keys(STARTS) : named);
  try {
    return await (cut === -1 ? waitForEnd() : runCommand(args.slice(cut + 1), running));
  } finally {
    await Promise.all(running.map((broker) => broker.dispose()));
  }
}

async function startAll(names: readonly string[]): Promise<readonly Running[]> {
  const running: Running[] = [];
  for (const name of names) {
    const started = await STARTS[name]?.();
    if (started === undefined) continue;
    running.push({ name, address: started.address, dispose: () => started.dispose() });
    say(`${variableOf(name)}=${started.address}`);
  }
  return running;
}

const waitForEnd = (): Promise<number> =>
  new Promise((resolve) => {
    process.once('SIGINT', () => resolve(0));
    process.once('SIGTERM', () => resolve(0));
  });

function runCommand([program = '', ...args]: string[], running: readonly Running[]) {
  const places = running.map(({ name, address }) => [variableOf(name), address]);
  const env = { ...process.env, ...Object.fromEntries(places) };
  return new Promise<number>((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

process.exitCode = await main(process.argv.slice(2));
