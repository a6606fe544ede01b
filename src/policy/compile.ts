/**
 * A policy file and all it imports, made into one module text. `waybill/policy` means our own file
 * wherever the policy lies; everything else is found from the policy's folder. The same source
 * gives the same text on every machine, so its hash names it. It runs nothing of the policy.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildFailure, BuildResult, Message, Plugin } from 'esbuild';
import { namesItsFiles } from './compile-contained.ts';
import { PolicyError } from './policy-error.ts';

/** A policy as one module. */
export interface CompiledPolicy {
  readonly code: string;
  /** The source map of `code`, as JSON text. */
  readonly map: string;
  /** The first 16 hex digits of the SHA-256 of `code`. */
  readonly hash: string;
  /** The operator's files that went into it, as absolute paths, in order. */
  readonly inputs: readonly string[];
  /** No link, no package and no search lies between the policy and the files it is made of. */
  readonly namesItsFiles: boolean;
}

/** The namespace of our own modules inside a compiled policy. */
export const OWN_NAMESPACE = 'waybill';

/** Hex digits of a hash that names a module or a version. */
export const HASH_DIGITS = 16;
const POLICY_BYTES_MAX = 4 * 1024 * 1024;
const OWN_EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const OWN_ROOT = fileURLToPath(new URL('..', import.meta.url));
const OWN_EXPORTS: Readonly<Record<string, string>> = {
  'waybill/policy': 'policy/define',
  'waybill/helpers': 'policy/helpers',
};
// The one library that our own modules bring along. It lies where our installation has it, so it is
// named like our own modules, and its place leaves no trace either.
const OWN_LIBRARY = 'smol-toml';

/** The file of a module of ours. */
const ownFile = (path: string): string => {
  const inside = path.startsWith(`${OWN_LIBRARY}/`)
    ? path.slice(OWN_LIBRARY.length + 1)
    : undefined;
  if (inside === undefined) return join(OWN_ROOT, `${path}${OWN_EXTENSION}`);
  const entry = createRequire(import.meta.url).resolve(OWN_LIBRARY);
  return join(dirname(entry), `${inside}.js`);
};

// Modules of ours are named without folder and extension, so that the text does not tell whether
// it was made from an installed package or from a checkout.
const ownModules: Plugin = {
  name: 'waybill',
  setup(build) {
    build.onResolve({ filter: /^waybill(\/|$)/ }, ({ path }) => {
      const own = Object.hasOwn(OWN_EXPORTS, path) ? OWN_EXPORTS[path] : undefined;
      if (own !== undefined) return { path: own, namespace: OWN_NAMESPACE };
      const known = Object.keys(OWN_EXPORTS).join(', ');
      return { errors: [{ text: `OWN:${path} is not available in this version (only ${known})` }] };
    });
    build.onResolve({ filter: /^\./, namespace: OWN_NAMESPACE }, ({ path, importer }) => ({
      path: join(dirname(importer), path).replace(/\.[jt]s$/, ''),
      namespace: OWN_NAMESPACE,
    }));
    build.onResolve({ filter: /^smol-toml$/, namespace: OWN_NAMESPACE }, () => ({
      path: `${OWN_LIBRARY}/index`,
      namespace: OWN_NAMESPACE,
    }));
    // Printed without white space first: the package and the checkout are laid out differently.
    build.onLoad({ filter: /.*/, namespace: OWN_NAMESPACE }, async ({ path }) => {
      const file = ownFile(path);
      const text = await readFile(file, 'utf8');
      const loader = file.endsWith('.ts') ? 'ts' : 'js';
      const { code } = await build.esbuild.transform(text, { loader, minifyWhitespace: true });
      return { contents: code, loader: 'js' };
    });
  },
};

// Packages in the older module format ask for `require`, which a module of the newer one lacks.
const REQUIRE_BANNER =
  "import { createRequire as waybillRequire } from 'node:module';\n" +
  'const require = waybillRequire(import.meta.url);';

const checkFile = async (file: string): Promise<void> => {
  const fix = 'check the path of the policy';
  const info = await stat(file).catch((error: NodeJS.ErrnoException) => {
    const problem = error.code === 'ENOENT' ? 'does not exist' : `cannot be read: ${error.code}`;
    throw new PolicyError(file, `this policy file ${problem}`, fix);
  });
  if (!info.isFile()) throw new PolicyError(file, 'this is no file', fix);
  if (info.size > POLICY_BYTES_MAX) {
    throw new PolicyError(file, `it is larger than ${POLICY_BYTES_MAX} bytes`, 'keep data apart');
  }
};

/** A file as sentences name it: from the working directory where it lies below it, else whole. */
export const showPath = (file: string): string => {
  const near = relative(process.cwd(), file);
  return near === '' || near.startsWith('..') ? file : near;
};

// Lines count from 1 and columns from 0 in the compiler; people count both from 1.
const placeOf = (folder: string, { location }: Message): string =>
  location === null
    ? ''
    : `${showPath(join(folder, location.file))}:${location.line}:${location.column + 1}`;

const refusal = (file: string, message: Message): PolicyError => {
  const place = placeOf(dirname(resolve(file)), message) || file;
  if (message.text.startsWith('OWN:')) {
    return new PolicyError(place, message.text.slice(4), 'remove this import');
  }
  const missing = /^Could not resolve "(.*)"/.exec(message.text)?.[1];
  if (missing !== undefined) {
    const isRelative = missing.startsWith('.') || missing.startsWith('/');
    const fix = isRelative ? 'correct the path' : 'install it in the folder of the policy';
    return new PolicyError(place, `the module '${missing}' cannot be found`, fix);
  }
  return new PolicyError(place, message.text, 'correct the source and load it again');
};

const isBuildFailure = (error: unknown): error is BuildFailure =>
  error instanceof Error && 'errors' in error && Array.isArray(error.errors);

let buildsRunning = 0;

// The compiler is a process of its own that would outlive its use.
const build = async (file: string): Promise<BuildResult<{ write: false; metafile: true }>> => {
  const esbuild = await import('esbuild');
  buildsRunning += 1;
  try {
    return await esbuild.build({
      entryPoints: [basename(file)],
      absWorkingDir: dirname(resolve(file)),
      outfile: 'policy.mjs',
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      write: false,
      metafile: true,
      sourcemap: 'external',
      sourcesContent: false,
      legalComments: 'none',
      logLevel: 'silent',
      tsconfigRaw: '{}',
      banner: { js: REQUIRE_BANNER },
      plugins: [ownModules],
    });
  } finally {
    buildsRunning -= 1;
    if (buildsRunning === 0) await esbuild.stop();
  }
};

/** Compiles a policy file (`.ts`, `.mts`, `.js`, `.mjs`); throws PolicyError. */
export const compilePolicy = async (file: string): Promise<CompiledPolicy> => {
  await checkFile(file);
  const result = await build(file).catch((error: unknown) => {
    const first = isBuildFailure(error) ? error.errors[0] : undefined;
    if (first === undefined) throw error;
    throw refusal(file, first);
  });
  const code = result.outputFiles.find(({ path }) => path.endsWith('.mjs'))?.text ?? '';
  const map = result.outputFiles.find(({ path }) => path.endsWith('.map'))?.text ?? '{}';
  const hash = createHash('sha256').update(code).digest('hex').slice(0, HASH_DIGITS);
  const folder = dirname(resolve(file));
  const inputs = Object.keys(result.metafile.inputs)
    .filter((path) => !path.startsWith(`${OWN_NAMESPACE}:`))
    .map((path) => resolve(folder, path))
    .sort();
  const isNamed = namesItsFiles(result.metafile, basename(file), `${OWN_NAMESPACE}:`);
  return { code, map, hash, inputs, namesItsFiles: isNamed };
};
