/**
 * What the intake leans on inside smtp-server. A change there must be met here, not in production.
 * The one idea: names, arities and the few behaviours our overrides rest on are written down and
 * tried. It does not know the intake's own rules.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { IntakeParser } from '../../src/intake/parser.ts';

const LEANT_ON = {
  _createParser: 0,
  _sendGreeting: 0,
  _setListeners: 1,
  _onCommand: 2,
  _onClose: 0,
  _armTimeout: 0,
  _resetSession: 0,
  _isSupported: 1,
  connectionReady: 1,
  init: 0,
  send: 3,
  close: 0,
  upgrade: 2,
  handler_EHLO: 2,
  handler_HELO: 2,
  handler_AUTH: 2,
  handler_MAIL: 2,
  handler_RCPT: 2,
  handler_DATA: 2,
};

describe('smtp-server', () => {
  test('is the version the overrides were written for', () => {
    const { version } = createRequire(import.meta.url)('smtp-server/package.json');
    assert.equal(version, '3.21.6', 'read the changes of smtp-connection and smtp-stream first');
  });

  test('has the methods of a connection that are overridden or called', () => {
    const prototype = SMTPConnection.prototype as unknown as Record<string, () => void>;
    for (const [name, arity] of Object.entries(LEANT_ON)) {
      assert.equal(prototype[name]?.length, arity, name);
    }
  });

  test('feeds a data phase to _feedDataStream and takes the rest back through _write', () => {
    assert.equal(SMTPStream.prototype._feedDataStream.length, 2);
    assert.equal(SMTPStream.prototype._write.length, 3);
    const heard: string[] = [];
    const taken: string[] = [];
    const resumes: (() => void)[] = [];
    const parser = new IntakeParser({
      takeData(chunk) {
        const at = chunk.indexOf('|');
        taken.push(chunk.subarray(0, at === -1 ? chunk.length : at).toString());
        return at === -1 ? -1 : at + 1;
      },
      endData: (resume) => resumes.push(resume),
      ended: () => {},
    });
    parser.oncommand = (command, callback) => {
      heard.push(command.toString());
      if (command.toString() === 'DATA') parser.beginData();
      callback?.();
    };
    parser.write('ONE\r\nDATA\r\nfirst');
    parser.write('second|TWO\r\nTHR');
    parser.write('EE\r\n');
    assert.deepEqual(
      [heard, taken],
      [
        ['ONE', 'DATA'],
        ['first', 'second'],
      ],
    );
    resumes[0]?.();
    assert.deepEqual(heard, ['ONE', 'DATA', 'TWO', 'THREE']);
    assert.equal(resumes.length, 1);
  });

  test('drops what follows the close, and half a command at the end', async () => {
    const heard: string[] = [];
    const parser = new IntakeParser({ takeData: () => -1, endData: () => {}, ended: () => {} });
    parser.oncommand = (command, callback) => {
      heard.push(command.toString());
      if (command.toString() === 'QUIT') parser.isClosed = true;
      callback?.();
    };
    parser.write('QUIT\r\nMAIL\r\n');
    parser.write('RCPT\r\n');
    const other = new IntakeParser({ takeData: () => -1, endData: () => {}, ended: () => {} });
    other.oncommand = (command) => heard.push(command.toString());
    other.end('RSET');
    await once(other, 'finish');
    assert.deepEqual(heard, ['QUIT']);
  });
});
