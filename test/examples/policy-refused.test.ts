/**
 * Refusals of a policy, by example: each one sentence that names the line in the operator's file,
 * the mistake and the way out. Deliberately unknown here: policies that are in order.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { HANDLERS } from '../../src/policy/hooks.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import type { PolicyFolder } from './policy-files.ts';
import { makePolicyFolder, withInit } from './policy-files.ts';

const folders: PolicyFolder[] = [];

const refusal = async (text: string, more: Readonly<Record<string, string>> = {}) => {
  const made = makePolicyFolder({ 'policy.ts': text, ...more });
  folders.push(made);
  return made.refusal();
};

const define = (parts: string): string =>
  `import { definePolicy } from 'waybill/policy';\nexport default definePolicy(${parts});\n`;

afterEach(() => {
  for (const made of folders.splice(0)) made.remove();
});

describe('a policy file is refused', () => {
  it('when it does not exist, is a folder, or cannot be kept', async () => {
    const made = makePolicyFolder({ 'policy.ts': withInit(''), 'dir.ts/x': '' });
    folders.push(made);
    assert.equal(
      await made.refusal('none.ts'),
      'none.ts: this policy file does not exist; check the path of the policy',
    );
    assert.equal(
      await made.refusal('dir.ts'),
      'dir.ts: this is no file; check the path of the policy',
    );
    const blocked = join(made.path, 'blocked');
    writeFileSync(blocked, '');
    await assert.rejects(
      loadPolicy(join(made.path, 'policy.ts'), blocked),
      /cannot keep the compiled policy: .*; make that folder writable/,
    );
  });

  it('for a syntax error, here or in a file it imports', async () => {
    assert.equal(
      await refusal('import { definePolicy } from "waybill/policy";\nconst a = ;\n'),
      'policy.ts:2:11: Unexpected ";"; correct the source and load it again',
    );
    assert.equal(
      await refusal('import "./part.ts";', { 'part.ts': '\n\n  const = 3' }),
      'part.ts:3:9: Expected identifier but found "="; correct the source and load it again',
    );
  });

  it('for an import that is missing or not available', async () => {
    assert.equal(
      await refusal('import "./parts.ts";'),
      "policy.ts:1:8: the module './parts.ts' cannot be found; correct the path",
    );
    assert.equal(
      await refusal('\nimport "no-such-package";'),
      "policy.ts:2:8: the module 'no-such-package' cannot be found; " +
        'install it in the folder of the policy',
    );
    assert.equal(
      await refusal('import { sources } from "waybill/sources"; sources();'),
      'policy.ts:1:25: waybill/sources is not available in this version ' +
        '(only waybill/policy, waybill/helpers); remove this import',
    );
    assert.match(
      await refusal(define('{}').replaceAll('definePolicy', 'definePolice')),
      /^policy\.ts:1:10: No matching export in "waybill:policy\/define" for import "definePolice"/,
    );
  });

  it('when it throws while it is loaded', async () => {
    assert.equal(
      await refusal('const x: number = 1;\n\nif (x === 1) throw new Error("no\\nlicence");\n'),
      'policy.ts:3:20: the policy threw while it was loaded: no licence; ' +
        'correct it and load it again',
    );
    assert.equal(
      await refusal('throw "text";'),
      'policy.ts: the policy threw while it was loaded: text; correct it and load it again',
    );
    assert.match(await refusal('nowhere();'), /^policy\.ts:1:1: .*nowhere is not defined;/);
  });

  it('when it exports no policy', async () => {
    const fix = 'end the file with: export default definePolicy({ ... });';
    assert.equal(
      await refusal('export const policy = 1;'),
      `policy.ts: it has no default export; ${fix}`,
    );
    assert.equal(
      await refusal('export default { init() {} };'),
      `policy.ts: its default export is an object, not a policy; ${fix}`,
    );
    assert.equal(
      await refusal('export default null;'),
      `policy.ts: its default export is null, not a policy; ${fix}`,
    );
  });
});

describe('a policy value is refused', () => {
  it('for parts and handlers that are none', async () => {
    assert.equal(
      await refusal(define('')),
      'policy.ts:2:16: definePolicy was given 0 parts; give it at least one object of handlers',
    );
    assert.equal(
      await refusal(define('{}, "init"')),
      'policy.ts:2:16: part 2 given to definePolicy is no object of handlers; ' +
        'write definePolicy({ init(setup) { ... }, ... })',
    );
    assert.equal(
      await refusal(define('{ get_queue_config: "5m" }')),
      'policy.ts:2:16: the handler get_queue_config is a string, not a function; ' +
        'write get_queue_config: (...) => ({ ... })',
    );
  });

  it('for handlers that are misspelt, unknown or not here yet', async () => {
    assert.equal(
      await refusal(define('{ get_que_config: () => ({}) }')),
      'policy.ts:2:16: there is no handler named get_que_config; did you mean get_queue_config?',
    );
    assert.equal(
      await refusal(define('{ frobnicate_everything: () => 1 }')),
      'policy.ts:2:16: there is no handler named frobnicate_everything; the handlers are ' +
        Object.keys(HANDLERS).join(', '),
    );
    assert.equal(
      await refusal(define('{ spool_message_enumerated: () => 1 }')),
      'policy.ts:2:16: the handler spool_message_enumerated is not available in this version; ' +
        'remove it from the policy',
    );
  });
});

describe('the setup of a policy is refused', () => {
  const fix = 'write init(setup) { setup.smtpListener({ listen: "127.0.0.1:2025" }); }';

  it('without init or without a listener', async () => {
    assert.equal(
      await refusal(define('{ get_queue_config: () => ({}) }')),
      `policy.ts: no part of the policy has an init handler; ${fix}`,
    );
    assert.equal(
      await refusal(define('{ init() {} }')),
      `policy.ts: init set up no listener, so no mail could come in; ${fix}`,
    );
  });

  it('when init throws or is asynchronous', async () => {
    assert.equal(
      await refusal(define('{ init() {\n  throw new Error("no");\n} }')),
      'policy.ts:3:9: init threw: no; correct the handler',
    );
    assert.equal(
      await refusal(define('{ async init() { throw new Error("later"); } }')),
      'policy.ts: init returned a promise; make init a plain function',
    );
  });

  it('for wrong options, with their line', async () => {
    assert.equal(
      await refusal(define("{ init(setup) {\n  setup.smtpListener({ listen: 'x' });\n} }")),
      "policy.ts:3:9: setup.smtpListener: listen: 'x' is not an address with a port; " +
        "write '127.0.0.1:2025' or '[::1]:2025'",
    );
    assert.match(
      await refusal(define('{ init(setup) { setup.smtpListener({ max_conections: 3 }); } }')),
      /^policy\.ts:2:\d+: setup\.smtpListener: max_conections: .*did you mean 'max_connections'\?$/,
    );
    const twice = "setup.smtpListener({ listen: '127.0.0.1:25' });";
    assert.match(
      await refusal(define(`{ init(setup) { ${twice} ${twice} } }`)),
      /^policy\.ts:2:\d+: setup\.smtpListener: listen: is used by two listeners; remove one of/,
    );
  });

  it('for a log hook without a sink, and for two of one name', async () => {
    const url = "url: 'http://127.0.0.1:4242/log'";
    assert.equal(
      await refusal(define("{ init(setup) {\n  setup.logHook({ name: 'webhook' });\n} }")),
      "policy.ts:3:9: setup.logHook 'webhook': url: no sink is given; " +
        "give exactly one of url, amqp, kafka and custom, as in url: 'https://…'",
    );
    assert.equal(
      await refusal(
        define(
          `{ init(setup) {\n  setup.logHook({ name: 'webhook', ${url} });\n` +
            `  setup.logHook({ name: 'WebHook', ${url} });\n} }`,
        ),
      ),
      "policy.ts:4:9: setup.logHook: name: 'WebHook' is used by two hooks; " +
        'rename or remove one of them',
    );
  });
});
