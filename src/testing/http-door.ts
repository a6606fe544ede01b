/**
 * The other door of a simulated daemon: a message by HTTP, as a client of `/api/inject/v1` posts
 * it, with the code that production has from the request's bytes on; only the socket, the thread
 * that renders, the judging of credentials and the rate of recipients are left out. The one idea:
 * what takes real time (rendering, the policy's handlers) is waited for before time goes on.
 */
import { formatPlace } from '../domain/ip.ts';
import { parseHttpListenerConfig } from '../domain/options-http.ts';
import type { InjectClient } from '../intake/inject/draft.ts';
import type { InjectAnswer } from '../intake/inject/injecting.ts';
import { Injecting } from '../intake/inject/injecting.ts';
import { openPress } from '../intake/inject/press.ts';
import type { Presses, PressJob } from '../intake/inject/press-desk.ts';
import { RequestRefused } from '../intake/inject/request.ts';
import { makeShaping } from '../intake/inject/shaping.ts';
import type { PolicySetup } from '../policy/setup.ts';
import type { Letter } from './door.ts';
import type { World } from './world/world.ts';

const PEER = '203.0.113.1';

/** What a client hears: how each recipient fared, or why the request was refused. */
export type HttpOutcome = InjectAnswer | { readonly code: number; readonly text: string };

/** Where mail comes in by HTTP. */
export class HttpDoor {
  readonly #world: World;
  readonly #client: InjectClient;

  constructor(world: World, listeners: PolicySetup['httpListeners']) {
    const { listen } = listeners[0] ?? parseHttpListenerConfig({}, 'simulated');
    this.#world = world;
    this.#client = {
      peer: PEER,
      via: listen.address,
      listener: formatPlace(listen.address, listen.port),
      hostname: 'waybill.test',
      auth: PEER,
    };
  }

  /** Injects; `answered` once all that the answer counts is durable. */
  async submit(letter: Letter, answered: (outcome: HttpOutcome) => void): Promise<void> {
    const { life } = this.#world;
    const isOver = (): boolean => life.clock.isOver;
    if (!life.isOpen || life.isFatal) return answered({ code: 503, text: 'nobody listens' });
    const refusal = life.engine.admit();
    if (refusal !== undefined) return answered({ code: 503, text: refusal.text });
    try {
      const job = await openJob(letter);
      this.#inject(job, isOver).then(
        (answer) => {
          if (!isOver()) answered(answer);
        },
        (error: unknown) => {
          if (!isOver()) answered(refusedBy(error));
        },
      );
      await this.#world.promises.rest();
    } catch (error) {
      answered(refusedBy(error));
    }
  }

  #inject(job: PressJob, isOver: () => boolean): Promise<InjectAnswer> {
    const { promises, life, bodies } = this.#world;
    const { engine } = life;
    const shape = makeShaping(engine);
    const counts = { received: 0, failed: 0, requests: 0, refused: 0 };
    const injecting = new Injecting({
      ...{ host: engine, bodies, presses: NO_PRESSES, counts },
      now: () => life.clock.now(),
      shape: (draft, client) => promises.real(shape(draft, client)),
    });
    return promises.follow(injecting.inject(job, this.#client, isOver, true), isOver);
  }
}

/** Rendered before it is asked for: rendering has no time of its own here. */
async function openJob({ from, to, meta, bytes }: Letter): Promise<PressJob> {
  const request = {
    envelope_sender: from,
    // A whole message is nobody's template.
    content: bytes.toString('utf8'),
    template_dialect: 'Static',
    recipients: to.map((email) => ({ email, metadata: meta })),
  };
  const press = await openPress(Buffer.from(JSON.stringify(request)));
  return {
    opened: press.opened,
    print: async (from, at) => press.print(from, at, () => 0),
    names: async (from) => press.names(from),
    close: () => press.free(),
  };
}

const NO_PRESSES: Presses = {
  open: () => Promise.reject(new Error('the request was read already')),
  stop: async () => {},
};

function refusedBy(error: unknown): HttpOutcome {
  if (error instanceof RequestRefused) return { code: error.status, text: error.message };
  throw error;
}
