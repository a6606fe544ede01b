/**
 * The files in packaging say what the program does: probes are routes, ports are the policy's, the
 * data goes where the volume is, whoever stops the daemon waits long enough for it, and a policy
 * that is shipped may be put in force. The unit is read by systemd itself where it is installed.
 * Deliberately unknown here: Docker and Kubernetes.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { readArguments } from '../../src/manager/arguments.ts';
import { STOP_MS_MAX } from '../../src/manager/messages.ts';
import { validatePolicy } from '../../src/manager/validate-policy.ts';
import { makeScratch } from '../faults/scratch.ts';
import { openHttp } from './http-parts.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, 'packaging', path), 'utf8');
const UNIT = read('systemd/waybill.service');
const DOCKERFILE = read('docker/Dockerfile');
const scratch = makeScratch('packaging');
after(() => scratch.remove());

/** The values of a key of the unit, in order. */
const unit = (key: string): string[] =>
  UNIT.split('\n')
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));

const seconds = (text: string): number => {
  const found = /^(\d+)(s|min)$/.exec(text);
  assert.ok(found, text);
  return Number(found[1]) * (found[2] === 'min' ? 60 : 1);
};

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}
const set = parse(read('kubernetes/statefulset.yaml')) as {
  readonly spec: {
    readonly serviceName: string;
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: { readonly runAsUser: number };
        readonly containers: readonly [Container];
      };
    };
  };
};
const pod = set.spec.template.spec;
const [container] = pod.containers;
const portsOf = (policy: string): number[] =>
  [...read(policy).matchAll(/listen: '0\.0\.0\.0:(\d+)'/g)].map(([, port]) => Number(port));

test('each way to stop the daemon waits as long as the daemon may take', () => {
  const needed = STOP_MS_MAX / 1000 + 5;
  assert.ok(seconds(unit('TimeoutStopSec')[0] ?? '') > needed);
  const { drainMs } = readArguments(container.args);
  assert.ok(drainMs > 0);
  assert.ok(pod.terminationGracePeriodSeconds > needed + drainMs / 1000);
  const { services } = parse(read('docker/compose.yaml')) as {
    readonly services: { readonly waybill: { readonly stop_grace_period: string } };
  };
  assert.ok(seconds(services.waybill.stop_grace_period) > needed);
  assert.match(DOCKERFILE, /^STOPSIGNAL SIGTERM$/m);
});

test('probes and health checks ask routes that there are', async () => {
  const { listener, base } = await openHttp();
  const paths = [container.startupProbe, container.livenessProbe, container.readinessProbe].map(
    ({ httpGet }) => httpGet.path,
  );
  assert.deepEqual(paths, ['/startupz', '/livez', '/readyz']);
  paths.push(/127\.0\.0\.1:8000(\/\w+)'/.exec(DOCKERFILE)?.[1] ?? 'none');
  for (const path of paths) {
    const { status } = await fetch(base + path);
    assert.equal(status, 200, path);
  }
  await listener.stop(0);
});

test('ports are those of the policy that is shipped', () => {
  const ports = [2025, 8000];
  assert.deepEqual(portsOf('kubernetes/policy.ts'), ports);
  assert.deepEqual(portsOf('docker/policy/policy.ts'), ports);
  assert.deepEqual(
    container.ports.map(({ containerPort }) => containerPort),
    ports,
  );
  assert.match(DOCKERFILE, /^EXPOSE 2025 8000$/m);
  const names = container.ports.map(({ name }) => name);
  const services = parseAllDocuments(read('kubernetes/services.yaml')).map(
    (one) =>
      one.toJS() as {
        readonly metadata: { readonly name: string };
        readonly spec: { readonly ports: readonly { readonly targetPort: string }[] };
      },
  );
  for (const { spec } of services) {
    for (const { targetPort } of spec.ports) assert.ok(names.includes(targetPort), targetPort);
  }
  assert.ok(services.some(({ metadata }) => metadata.name === set.spec.serviceName));
});

test('data goes to the volume, the policy comes from where it is mounted, the user is one', () => {
  const { data, policy } = readArguments(container.args);
  const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
  assert.ok(mounts.some((path) => data.startsWith(path)));
  assert.ok(mounts.some((path) => policy?.startsWith(`${path}/`)));
  const command = JSON.parse(/^CMD (\[.*\])$/m.exec(DOCKERFILE)?.[1] ?? '[]') as string[];
  const image = readArguments(command);
  const { services } = parse(read('docker/compose.yaml')) as {
    readonly services: { readonly waybill: { readonly command: readonly string[] } };
  };
  assert.deepEqual(readArguments(services.waybill.command), image);
  assert.ok(DOCKERFILE.includes(`\nVOLUME ${image.data}\n`));
  assert.ok(unit('ReadWritePaths').includes(image.data));
  const { runAsUser } = pod.securityContext;
  assert.ok(DOCKERFILE.includes(`\nUSER ${runAsUser}:${runAsUser}\n`));
  assert.ok(DOCKERFILE.includes(`--uid ${runAsUser} `));
});

test('the image is made of files that there are, and the ignore list lets them through', () => {
  const kept = read('docker/Dockerfile.dockerignore').split('\n');
  for (const [, list = ''] of DOCKERFILE.matchAll(/^COPY (?!--from)(.*) \S+$/gm)) {
    for (const path of list.split(' ')) {
      assert.ok(existsSync(join(ROOT, path)), path);
      assert.ok(kept.includes(`!${path}`), path);
    }
  }
});

test('the policies that are shipped may be put in force', async () => {
  for (const path of ['docker/policy/policy.ts', 'kubernetes/policy.ts']) {
    const { sentence, warnings } = await validatePolicy(join(ROOT, 'packaging', path));
    assert.equal(sentence, undefined, path);
    assert.deepEqual(warnings, [], path);
  }
});

test('the command lines of the unit are those of the program', () => {
  const [start = ''] = unit('ExecStart');
  const [, ...args] = start.split(' ');
  assert.equal(readArguments(args).isSingle, false);
  assert.match(unit('ExecReload')[0] ?? '', / policy reload --data \/var\/spool\/waybill$/);
  // Codes that another start cannot mend, see exit.ts.
  assert.deepEqual(unit('RestartPreventExitStatus'), ['64 76 78']);
});

const noSystemd = spawnSync('systemd-analyze', ['--version']).error !== undefined;
const skip = noSystemd && 'systemd-analyze is not installed';

test('systemd finds nothing wrong with the unit, and little that is open', { skip }, () => {
  mkdirSync(scratch.path, { recursive: true });
  const file = join(scratch.path, 'waybill.service');
  // The programs need not be installed where the unit will have them.
  writeFileSync(file, UNIT.replaceAll(/\/opt\/waybill\S+/g, process.execPath));
  const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
  const about = verified.stderr.split('\n').filter((line) => line.includes('waybill.service'));
  assert.deepEqual(about, []);
  assert.equal(verified.status, 0, verified.stderr);
  const judged = spawnSync(
    'systemd-analyze',
    ['security', '--offline=yes', '--threshold=20', file],
    { encoding: 'utf8' },
  );
  assert.equal(judged.status, 0, judged.stdout);
});
