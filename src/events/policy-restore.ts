/**
 * Versions of a policy put into a new store under the numbers they had elsewhere, so that a log
 * which names them by number finds them. None of them is put in force.
 * Deliberately unknown here: where they come from.
 */
import type { StoredVersion } from '../domain/policy-version.ts';
import { sha256Of } from './log-files.ts';
import { openPolicyDatabase } from './policy-schema.ts';

/** Writes versions into the policy store of a data directory. */
export const restoreVersions = (dir: string, versions: readonly StoredVersion[]): void => {
  const db = openPolicyDatabase(dir, 'write');
  const content = db.prepare('INSERT OR IGNORE INTO content VALUES (?, ?)');
  const keep = (text: string): string => {
    const sha256 = sha256Of(text);
    content.run(sha256, text);
    return sha256;
  };
  const addVersion = db.prepare(
    `INSERT INTO version (number, at, state, hash, source, reason, sentence, settings_hash,
      warnings, code, map, facts) VALUES (?, ?, 'accepted', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const addFile = db.prepare('INSERT INTO file VALUES (?, ?, ?)');
  try {
    db.transaction(() => {
      for (const version of versions) {
        const { number, at, hash, source, reason, sentence, settingsHash, warnings } = version;
        const texts = [version.code, version.map, JSON.stringify(version.facts)].map(keep);
        const said = [number, at, hash, source, reason, sentence, settingsHash];
        addVersion.run(...said, JSON.stringify(warnings), ...texts);
        for (const { path, text } of version.files) addFile.run(number, path, keep(text));
      }
    }).immediate();
  } finally {
    db.close();
  }
};
