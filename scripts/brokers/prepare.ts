/**
 * Getting ready: Debian's packages where they are missing and may be installed, and Kafka's jars.
 * The one idea: it asks nothing and fails at nothing; what is still missing afterwards is said, and
 * the tests that need it say it again.
 * Deliberately unknown here: how brokers are started.
 */
import { spawnSync } from 'node:child_process';
import type { KafkaLine } from './kafka-jars.ts';
import { fetchKafka, KAFKA_RELEASES, lackOfKafka } from './kafka-jars.ts';
import { findRabbit, javaVersion, lackOfMaven } from './programs.ts';

/** Installs and fetches; answers one sentence for each thing that cannot be had. */
export function prepareBrokers(say: (sentence: string) => void): string[] {
  const packages = missingPackages();
  if (packages.length > 0) install(packages, say);
  const lacks: string[] = [];
  for (const line of ['3', '4'] as const) {
    const lack = prepareKafka(line, say);
    if (lack !== undefined) lacks.push(`Kafka ${KAFKA_RELEASES[line].version}: ${lack}`);
  }
  const rabbit = findRabbit();
  if ('lack' in rabbit) lacks.push(`RabbitMQ: ${rabbit.lack}`);
  return lacks;
}

function prepareKafka(line: KafkaLine, say: (sentence: string) => void): string | undefined {
  const lack = lackOfKafka(line);
  if (lack !== undefined) return lack;
  try {
    say(`Kafka ${KAFKA_RELEASES[line].version}: ${fetchKafka(line)}`);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function missingPackages(): string[] {
  const needed = Math.max(...Object.values(KAFKA_RELEASES).map(({ java }) => java));
  return [
    ...(javaVersion() < needed ? ['default-jre-headless'] : []),
    ...(lackOfMaven() === undefined ? [] : ['maven']),
    ...('lack' in findRabbit() ? ['rabbitmq-server'] : []),
  ];
}

function install(packages: readonly string[], say: (sentence: string) => void): void {
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const apt = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  const isPermitted =
    spawnSync('apt-get', ['--version']).status === 0 &&
    (asRoot.length === 0 || spawnSync('sudo', ['-n', 'true']).status === 0);
  if (!isPermitted) return say(`not permitted to install ${packages.join(', ')}`);
  say(`installing ${packages.join(', ')}`);
  for (const order of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    const [program = '', ...args] = [...apt, '-qq', ...order];
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    if (status !== 0) say(`apt-get ${order[0]}: ${stderr.trim().split('\n').at(-1)}`);
  }
}
