/**
 * HTTP injection of a worker, put together: one for all of its listeners. Also where no listener
 * is wanted any more, as long as requests of earlier days are not through. Decides nothing.
 */
import type { Logger } from 'pino';
import { Generator } from '../intake/inject/generator.ts';
import type { InjectCounts } from '../intake/inject/injecting.ts';
import { Injecting } from '../intake/inject/injecting.ts';
import { createPresses } from '../intake/inject/press-desk.ts';
import { RecipientRate } from '../intake/inject/recipient-rate.ts';
import { InjectService } from '../intake/inject/service.ts';
import { makeShaping } from '../intake/inject/shaping.ts';
import type { LoadedWorld } from './load.ts';
import type { OpenedEngine } from './open.ts';

/** Injection, open. */
export interface OpenedInjection {
  readonly service: InjectService;
  readonly counts: Readonly<InjectCounts>;
  /** No further slice of a deferred request. */
  stop(): Promise<void>;
}

/** Opens injection over an engine, and goes on with what is not through. */
export function openInjection(
  { injectRate }: Pick<LoadedWorld, 'injectRate'>,
  { engine, bodies, clock, quotas }: Pick<OpenedEngine, 'engine' | 'bodies' | 'clock' | 'quotas'>,
  logger: Pick<Logger, 'info' | 'warn' | 'error'>,
): OpenedInjection {
  const counts: InjectCounts = { received: 0, failed: 0, requests: 0, refused: 0 };
  const presses = createPresses();
  const now = (): number => clock.now();
  const shape = makeShaping(engine);
  const injecting = new Injecting({ host: engine, bodies, presses, counts, now, shape });
  const desk = engine.generations;
  const generator = new Generator({
    injecting,
    desk,
    log: (level, text) => logger[level](text),
  });
  const rate = new RecipientRate(injectRate, quotas);
  generator.resume();
  return {
    service: new InjectService({ injecting, generator, desk, rate }),
    counts,
    stop: async () => {
      generator.stop();
      await presses.stop();
    },
  };
}
