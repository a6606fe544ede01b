/**
 * `waybill top`: rates, depths and the oldest mail, live; a full screen on a terminal, plain lines
 * or JSON elsewhere. The pieces are beside it: what is asked (top-feed), known (top-model), drawn
 * (top-screen), pressed (top-view), and the terminal (screen).
 */
import process from 'node:process';
import { Command, Option } from 'commander';
import { parseCount, parseSpanMs } from './arguments.ts';
import type { DaemonClient } from './client.ts';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { Screen } from './screen.ts';
import { EXIT, isColourful, onInterrupt, print, remark } from './terminal.ts';
import { TopFeed } from './top-feed.ts';
import { SERIES, TopModel } from './top-model.ts';
import { ageOf, drawTop, formatNumber } from './top-screen.ts';
import type { View } from './top-view.ts';
import { FIRST_VIEW, pressed } from './top-view.ts';

interface Flags extends EndpointFlags {
  readonly updateInterval: number;
  readonly count?: number;
}

const HELP = `
On a terminal: Tab goes through Overview, Providers, Queues and Help; q quits. Elsewhere, or with
--json, a line for each tick. Each tick asks for sums, which cost the daemon the same with a million
queues as with one.

Examples:
  $ waybill top
  $ waybill top --endpoint http://10.0.0.5:8000 --update-interval 5
  $ waybill top --json --count 2 | tail -1 | jq .delivered
`;

const INTERVAL = new Option('--update-interval <secs>', 'time between two ticks, s')
  .argParser(parseSpanMs)
  .default(1_000, '1');

/** The `top` command. */
export const build = (): Command =>
  withEndpoint(new Command('top'))
    .description('Shows rates, depths, the oldest mail, providers and queues, live.')
    .addOption(INTERVAL)
    .option('--count <n>', 'plain lines only: end after so many', parseCount)
    .addHelpText('after', () => HELP + endpointHelp())
    .action(run);

const run = async (flags: Flags): Promise<void> => {
  const isWatched = process.stdout.isTTY === true && process.stdin.isTTY === true;
  const client = openClient(flags);
  const model = new TopModel();
  const feed = new TopFeed(client, model);
  // Where nobody answers there is nothing to show: one sentence, and the terminal is untouched.
  await feed.first();
  if (isWatched && flags.json !== true && flags.count === undefined) {
    await new Live(client, model, feed, flags.updateInterval).run();
  } else {
    await printLines(model, feed, flags);
  }
};

/** The full screen, until somebody has seen enough. */
class Live {
  readonly #client: DaemonClient;
  readonly #model: TopModel;
  readonly #feed: TopFeed;
  readonly #tickMs: number;
  readonly #screen: Screen;
  #view: View = FIRST_VIEW;
  #timer: NodeJS.Timeout | undefined;
  #end: () => void = () => {};

  constructor(client: DaemonClient, model: TopModel, feed: TopFeed, tickMs: number) {
    this.#client = client;
    this.#model = model;
    this.#feed = feed;
    this.#tickMs = tickMs;
    this.#screen = new Screen(process.stdout, process.stdin, {
      pressed: (key) => this.#press(key),
      resized: () => this.#draw(),
      ended: () => this.#stop(),
    });
  }

  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#end = resolve;
      this.#screen.open();
      this.#draw();
      this.#look();
      this.#timer = setInterval(() => void this.#tick(), this.#tickMs);
    });
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#screen.close();
    this.#end();
    // An answer may still be on its way; nobody waits for it.
    setImmediate(() => process.exit(0));
  }

  #isTicking = false;

  async #tick(): Promise<void> {
    // A daemon that answers slowly is asked less often.
    if (this.#isTicking) return;
    this.#isTicking = true;
    await this.#feed.tick();
    this.#isTicking = false;
    this.#draw();
    this.#look();
  }

  /** One question after the other, as long as any may be asked. */
  #look(): void {
    const { tab, sort } = this.#view;
    const interest = {
      providers: tab === 'Providers',
      queues: tab === 'Queues' ? sort : undefined,
    };
    void this.#feed.look(interest).then((hasAsked) => {
      if (!hasAsked) return;
      this.#draw();
      this.#look();
    });
  }

  #press(key: string): void {
    const before = this.#view;
    this.#view = pressed(before, key);
    if (this.#view.isOver) return this.#stop();
    if (this.#view.sort !== before.sort) this.#model.queues = [];
    this.#draw();
    this.#look();
  }

  #draw(): void {
    const { columns, rows } = this.#screen.size;
    const lines = drawTop(this.#model, this.#view, {
      ...{ columns, rows, name: this.#client.name, tickMs: this.#tickMs },
      at: Date.now(),
      steadyMs: performance.now(),
      isColourful: isColourful(process.stdout),
    });
    this.#screen.draw(lines);
  }
}

/** A line for each tick, for pipes and log files. */
const printLines = async (model: TopModel, feed: TopFeed, flags: Flags): Promise<void> => {
  let isOver = false;
  let told = '';
  let wasLost = false;
  let wake = (): void => {};
  onInterrupt(() => {
    isOver = true;
    wake();
  });
  for (let line = 0; !isOver && line !== flags.count; line += 1) {
    await new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, flags.updateInterval);
    });
    await feed.tick();
    await feed.look({ providers: false, queues: undefined });
    print(flags.json === true ? JSON.stringify(asJson(model)) : asLine(model));
    const faults = model.faults(performance.now()).join('; ');
    if (faults !== told && faults !== '') remark(faults);
    told = faults;
    if (wasLost && !feed.isLost) remark('waybilld answers again');
    wasLost = feed.isLost;
  }
  process.exit(wasLost ? EXIT.failed : EXIT.fine);
};

const asJson = (model: TopModel): object => ({
  at: new Date().toISOString(),
  ...Object.fromEntries(
    SERIES.map(({ key }) => [key, Number.isNaN(model.now(key)) ? null : model.now(key)]),
  ),
  queues: model.sums.get('scheduled_queue_count') ?? null,
  ready_queues: model.sums.get('waybill_ready_queue_count') ?? null,
  oldest: model.oldest?.oldest ?? null,
  oldest_queue: model.oldest?.queue_name ?? null,
});

const asLine = (model: TopModel): string => {
  const at = Date.now();
  const values = SERIES.filter(({ kind }) => kind !== 'bytes').map(
    ({ title, key }) => `${title.toLowerCase().replace(' ', '-')} ${formatNumber(model.now(key))}`,
  );
  return `${new Date(at).toISOString()} ${values.join(' ')} oldest ${ageOf(model.oldest, at)}`;
};
