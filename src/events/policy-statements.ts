/**
 * The statements of the policy store, by name. The one idea: what is in force is the last row of
 * `activation`, never a mark on a version. Knows no connection.
 */

/** Refusals, and candidates nobody decided about, that are remembered. */
export const REFUSALS_KEPT = 100;

/** How many changes of the version in force are looked at for the one to go back to. */
const ACTIVATIONS_LOOKED_AT = 1_000;

/** The number of the version in force. */
export const CURRENT_SQL = 'SELECT version FROM activation ORDER BY id DESC LIMIT 1';

/** The version in force, without its texts. */
export const IN_FORCE_SQL = `SELECT number, hash, settings_hash AS settingsHash, source, program
  FROM activation JOIN version ON number = version ORDER BY id DESC LIMIT 1`;

/** A version comes into force. */
export const ACTIVATE_SQL = `INSERT INTO activation (version, at, reason, program, is_return)
  VALUES (?, ?, ?, ?, ?)`;

/** What came into force last, newest first. */
export const ACTIVATIONS_SQL = `SELECT version, is_return AS isReturn FROM activation
  ORDER BY id DESC LIMIT ${ACTIVATIONS_LOOKED_AT}`;

/** The newest versions. */
export const LIST_SQL = `SELECT version.*, (SELECT max(at) FROM activation WHERE
  activation.version = version.number) AS accepted_at FROM version ORDER BY number DESC LIMIT ?`;

/** A version that is not there yet. */
export const INSERT_SQL = `INSERT INTO version (at, state, hash, source, reason, sentence,
  settings_hash, warnings, code, map, facts) VALUES (@at, @state, @hash, @source, @reason,
  @sentence, @settings_hash, @warnings, @code, @map, @facts)`;

/** The number of the oldest version of a state that is still kept. */
export const OLDEST_SQL = `SELECT number FROM version WHERE state = ? ORDER BY number DESC
  LIMIT 1 OFFSET ${REFUSALS_KEPT - 1}`;

/** Texts that no version holds any more go. */
export const SWEEP_SQL = `DELETE FROM content WHERE sha256 NOT IN (SELECT sha256 FROM file
  UNION SELECT code FROM version UNION SELECT map FROM version UNION SELECT facts FROM version)`;
