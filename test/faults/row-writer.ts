/**
 * A stand-in for an engine: writes rows one commit at a time and says `ack N` after each.
 * The one idea: it makes the promise an engine makes, with the setting under test, so the replayer
 * can be seen telling a promise that holds from one that does not.
 * Deliberately unknown here: tracing and power.
 */
import Database from 'better-sqlite3';
import { writeLine } from '../contracts/write-line.ts';

const [path = '', synchronous = 'FULL', count = '0'] = process.argv.slice(2);
const db = new Database(path);
db.pragma('journal_mode = WAL');
db.pragma(`synchronous = ${synchronous}`);
db.exec('CREATE TABLE row (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL)');
const put = db.prepare('INSERT INTO row (number, bytes) VALUES (?, ?)');
for (let number = 1; number <= Number(count); number += 1) {
  put.run(number, Buffer.alloc(700, number));
  writeLine(`ack ${number}`);
}
