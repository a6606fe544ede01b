/**
 * Mail inside mail, through the real daemon into a real Postfix: every malformed end of data, cut
 * into packets at drawn places, with a second envelope behind it.
 * The one idea: sent to that Postfix directly some of them do smuggle, so that none does through
 * the daemon means something; a clean message sent last proves that the way was open.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RunningSink } from '../../src/cli/sink-server.ts';
import { startSink } from '../../src/cli/sink-server.ts';
import { Daemon } from './daemon.ts';
import { PostfixPeer, whyNoPostfix } from './postfix-peer.ts';
import type { Dice } from './scratch.ts';
import {
  inParallel,
  isFullRun,
  makeDice,
  makeScratch,
  pause,
  seedOfRun,
  until,
} from './scratch.ts';

const ENDS = ['\n.\n', '\r\n.\n', '\n.\r\n', '\r.\r', '\r.\n', '\n.\r', '\r\n.\r', '\r\n\0.\r\n'];
const EVIL = 'smuggled@evil.test';
const INNER = `MAIL FROM:<${EVIL}>\r\nRCPT TO:<v@victim.test>\r\nDATA\r\nSubject: evil\r\n\r\nevil`;
const LAST = 'the last line';
const CUTS_PER_END = 12;
const HANDS = 8;
const REPLY_WAIT_MS_MAX = 20_000;
const ARRIVAL_WAIT_MS_MAX = 30_000;
const CUT_PAUSE_MS = 2;

/** One data phase and where it is cut in two. */
interface Probe {
  readonly id: string;
  readonly end: string;
  readonly bytes: string;
  readonly cutAt: number;
}

/** One message that came out of Postfix. */
interface Arrived {
  readonly from: string;
  readonly id: string | undefined;
  readonly text: string;
}

const formatData = (id: string, middle: string): string =>
  `Subject: probe\r\nX-Waybill-Traffic: ${id}\r\n\r\ntext${middle}\r\n${LAST}\r\n.\r\n`;

/** All cuts in and around the malformed end, and drawn ones elsewhere; every cut on a full run. */
function drawCuts(bytes: string, end: string, dice: Dice): readonly number[] {
  if (isFullRun()) return Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
  const at = bytes.indexOf(end + INNER);
  const cuts = new Set(Array.from({ length: end.length + 1 }, (_, i) => at + i));
  while (cuts.size < CUTS_PER_END) cuts.add(1 + dice.below(bytes.length - 1));
  return [...cuts];
}

const makeProbes = (name: string, dice: Dice): readonly Probe[] =>
  ENDS.flatMap((end, which) => {
    const middle = end + INNER;
    return drawCuts(formatData(`${name}-${which}-0000`, middle), end, dice).map((cutAt) => {
      const id = `${name}-${which}-${String(cutAt).padStart(4, '0')}`;
      return { id, end, bytes: formatData(id, middle), cutAt };
    });
  });

/** Sends one probe on a connection of its own; the codes of all replies from the dot to the end. */
async function sendProbe(port: number, probe: Probe): Promise<readonly number[]> {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
  const closed = once(socket, 'close');
  let said = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    said += text;
  });
  const codes = (): number[] => [...said.matchAll(/^(\d{3}) /gm)].map((found) => Number(found[1]));
  const replies = (count: number): Promise<boolean> =>
    until(() => codes().length >= count || socket.destroyed, REPLY_WAIT_MS_MAX);
  const lines = ['EHLO c.test', 'MAIL FROM:<a@a.test>', 'RCPT TO:<b@b.test>', 'DATA'];
  await replies(1);
  for (const [index, line] of lines.entries()) {
    socket.write(`${line}\r\n`);
    assert.ok(await replies(index + 2), `no reply to ${line}`);
  }
  assert.equal(codes().at(-1), 354, said);
  const before = lines.length + 1;
  socket.write(probe.bytes.slice(0, probe.cutAt), 'latin1');
  await pause(CUT_PAUSE_MS);
  socket.write(probe.bytes.slice(probe.cutAt), 'latin1');
  await replies(before + 1);
  socket.write('QUIT\r\n');
  const isOver = await until(() => socket.destroyed, REPLY_WAIT_MS_MAX);
  socket.destroy();
  await closed;
  assert.ok(isOver, `no end of the connection: ${JSON.stringify(said)}`);
  return codes().slice(before);
}

function writeListenerPolicy(path: string, targetPort: number, mode: string): void {
  const text = `import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0', invalid_line_endings: '${mode}' });
  },
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${targetPort}'] } },
    retry_interval: '1s',
    max_retry_interval: '1s',
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;
  writeFileSync(path, text);
}

const lacking = whyNoPostfix();
if (lacking !== undefined) console.log(`smuggling into Postfix: skipped, ${lacking}`);

describe('smuggling into Postfix', { skip: lacking ?? false }, () => {
  const seed = seedOfRun();
  const dice = makeDice(seed);
  const arrived: Arrived[] = [];
  let sink: RunningSink | undefined;
  let postfix: PostfixPeer;

  before(async () => {
    sink = await startSink({
      onCopy: ({ from, xid }, _ending, wire) => {
        arrived.push({ from, id: xid, text: wire.toString('latin1') });
      },
    });
    postfix = await PostfixPeer.start(sink.port);
  });

  after(async () => {
    await postfix?.stop();
    await sink?.stop();
  });

  /** Waits for the given messages and for an empty Postfix; answers and forgets what came. */
  async function collect(ids: readonly string[]): Promise<readonly Arrived[]> {
    const isHere = (id: string): boolean => arrived.some((one) => one.id === id);
    const isDone = (): boolean => ids.every(isHere) && postfix.queued() === 0;
    const isInTime = await until(isDone, ARRIVAL_WAIT_MS_MAX);
    assert.ok(isInTime, `${arrived.length} of ${ids.length} came, seed ${seed}\n${postfix.tail()}`);
    return arrived.splice(0);
  }

  test('directly, some of the ends do smuggle', async () => {
    const ids: string[] = [];
    for (const [which, end] of ENDS.entries()) {
      const id = `direct-${which}`;
      const bytes = formatData(id, end + INNER);
      await sendProbe(postfix.port, { id, end, bytes, cutAt: bytes.length - 1 });
      ids.push(id);
    }
    const came = await collect(ids);
    const smuggled = came.filter((one) => one.from === EVIL).length;
    console.log(`direct: ${ids.length} sent, ${came.length} at Postfix, ${smuggled} smuggled`);
    assert.ok(smuggled > 0, 'this Postfix falls for none, so it proves nothing');
  });

  for (const mode of ['Deny', 'Fix', 'Allow']) {
    test(`through a listener with ${mode}, none does`, async () => {
      const scratch = makeScratch('smuggling');
      const policy = join(scratch.path, 'policy.ts');
      writeListenerPolicy(policy, postfix.port, mode);
      const daemon = new Daemon(policy, join(scratch.path, 'data'));
      try {
        const port = await daemon.demandPort();
        await tryMode(port, mode);
        await daemon.stop();
      } finally {
        await daemon.kill();
        scratch.remove();
      }
    });
  }

  async function tryMode(port: number, mode: string): Promise<void> {
    const probes = makeProbes(mode.toLowerCase(), dice);
    const taken: string[] = [];
    await inParallel(probes, HANDS, async ({ end, ...rest }) => {
      const codes = await sendProbe(port, { end, ...rest });
      const shown = `${JSON.stringify(end)} cut at ${rest.cutAt}, seed ${seed}`;
      // Exactly two replies: were the inner commands read as commands, there would be more.
      const isRefused = mode === 'Deny' || end.includes('\0');
      assert.deepEqual(codes, [isRefused ? 552 : 250, 221], shown);
      if (!isRefused) taken.push(rest.id);
    });
    const clean = {
      id: `${mode}-clean`,
      end: '',
      bytes: formatData(`${mode}-clean`, ''),
      cutAt: 9,
    };
    assert.deepEqual(await sendProbe(port, clean), [250, 221]);
    const came = await collect([...taken, clean.id]);
    const smuggled = came.filter((one) => one.from === EVIL).length;
    const counts = `${probes.length} sent, ${taken.length} taken, 1 clean`;
    console.log(
      `${mode}: ${counts}, ${came.length} at Postfix, ${smuggled} smuggled, seed ${seed}`,
    );
    assert.equal(smuggled, 0, `seed ${seed}`);
    assert.deepEqual(came.map((one) => one.id).sort(), [...taken, clean.id].sort(), `seed ${seed}`);
    for (const one of came) {
      assert.ok(one.text.endsWith(`\r\n${LAST}\r\n`), `${one.id} was cut short, seed ${seed}`);
      assert.equal(one.text.includes(EVIL), one.id !== clean.id, `${one.id}, seed ${seed}`);
    }
  }
});
