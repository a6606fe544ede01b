/**
 * The jars of a Kafka broker, fetched by name with Maven and kept.
 * The one idea: one release of the 3.x line and one of the 4.x line, pinned; the folder of a
 * release appears by a rename, so it is either whole or not there, however many ask for it at once.
 * Deliberately unknown here: what a broker does with its jars.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, lackOfJava, lackOfMaven } from './programs.ts';

/** A line of Kafka's releases. */
export type KafkaLine = '3' | '4';

/** The release that stands for each line, and the Java it needs. */
export const KAFKA_RELEASES: Readonly<
  Record<KafkaLine, { readonly version: string; readonly java: number }>
> = {
  // Java 8 would do for 3.9, but 11 is the least that its makers do not call outdated.
  '3': { version: '3.9.2', java: 11 },
  '4': { version: '4.4.0', java: 17 },
};

const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
const FETCH_MS_MAX = 900_000;

/** Where the jars of a line are, or will be. */
export const jarFolder = (line: KafkaLine): string =>
  join(cacheFolder(), `kafka-${KAFKA_RELEASES[line].version}`);

/** Why a broker of this line cannot be had without fetching anything; undefined when it can. */
export function lackOfKafka(line: KafkaLine): string | undefined {
  const lack = lackOfJava(KAFKA_RELEASES[line].java);
  if (lack !== undefined) return lack;
  return existsSync(jarFolder(line)) ? undefined : lackOfMaven();
}

/** The broker, and something that writes what it logs to its standard error. */
const project = (version: string): string => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>waybill.brokers</groupId><artifactId>kafka</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
    <version>${version}</version>
  </dependency><dependency>
    <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
  </dependency></dependencies>
</project>
`;

const settings = (repository: string): string => `<settings><mirrors><mirror>
  <id>given</id><mirrorOf>*</mirrorOf><url>${repository}</url>
</mirror></mirrors></settings>
`;

/**
 * Fetches the jars of a line unless they are there; answers their folder. Maven finds its
 * repository as it is set up for the user; WAYBILL_MAVEN_REPOSITORY names another base URL.
 */
export function fetchKafka(line: KafkaLine): string {
  const folder = jarFolder(line);
  if (existsSync(folder)) return folder;
  const { version } = KAFKA_RELEASES[line];
  mkdirSync(cacheFolder(), { recursive: true });
  const scratch = mkdtempSync(join(cacheFolder(), 'fetching-'));
  try {
    const jars = join(scratch, 'jars');
    writeFileSync(join(scratch, 'pom.xml'), project(version));
    const options = ['-B', '-q', '-f', join(scratch, 'pom.xml'), ...mirrorOptions(scratch)];
    const goal = `${PLUGIN}:copy-dependencies`;
    const wishes = [`-DoutputDirectory=${jars}`, '-DincludeScope=runtime'];
    const all = [...options, goal, ...wishes];
    const done = spawnSync('mvn', all, { encoding: 'utf8', timeout: FETCH_MS_MAX });
    if (done.status !== 0) {
      throw new Error(`the jars of Kafka ${version} cannot be fetched: ${lastLines(done.stdout)}`);
    }
    keep(jars, folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}

function mirrorOptions(scratch: string): string[] {
  const repository = process.env['WAYBILL_MAVEN_REPOSITORY'];
  if (repository === undefined || repository === '') return [];
  const path = join(scratch, 'settings.xml');
  writeFileSync(path, settings(repository));
  return ['-s', path];
}

/** Two may have fetched at once: who comes second throws its own away. */
function keep(jars: string, folder: string): void {
  try {
    renameSync(jars, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-6).join(' ');
