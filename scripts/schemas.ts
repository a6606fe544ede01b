/**
 * `npm run schemas`: rewrites schemas/*.schema.json; with `--check` only compares.
 * The one idea: an editor that completes a data file is told what the loader accepts.
 * Deliberately unknown here: how a schema is drawn.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drawSchemas } from './schemas/files.ts';

const folder = fileURLToPath(new URL('../schemas/', import.meta.url));
const isCheck = process.argv.includes('--check');

const isFresh = (file: string, text: string): boolean => {
  try {
    return readFileSync(file, 'utf8') === text;
  } catch {
    return false;
  }
};

mkdirSync(folder, { recursive: true });
for (const [name, text] of drawSchemas()) {
  const file = `${folder}${name}`;
  if (isFresh(file, text)) continue;
  if (!isCheck) {
    writeFileSync(file, text);
    continue;
  }
  process.stderr.write(`schemas: ${name} is not fresh; run \`npm run schemas\`\n`);
  process.exitCode = 1;
}
