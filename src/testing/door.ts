/**
 * The door of a simulated daemon: what an SMTP session asks of the policy, in its order, and the
 * way of a message into the log, with the code that production has for it; only the socket and the
 * commands' grammar are left out. The client is one that may relay. Knows no scenario.
 */
import type { ListenerConfig, SessionSettings } from '../domain/options-listener.ts';
import { parseListenerConfig, sessionSettings } from '../domain/options-listener.ts';
import { Interview } from '../intake/interview.ts';
import type { Arrival } from '../intake/message-intake.ts';
import { receive } from '../intake/reception.ts';
import type { Outcome } from '../intake/taking.ts';
import { Taking } from '../intake/taking.ts';
import type { Reply } from '../intake/transaction.ts';
import { ConnectionMeta } from '../mail/connection-meta.ts';
import type { World } from './world/world.ts';

/** What a client submits. */
export interface Letter {
  readonly from: string;
  readonly to: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

const PEER = '203.0.113.1';
const HELO = 'client.test';
/** A handler that has not answered after so long, in real time, never will. */
const WAIT_MS_MAX = 10_000;

type Ask = (told: (refusal: Reply | undefined) => void) => void;

const asked = (ask: Ask): Promise<Reply | undefined> => new Promise((resolve) => ask(resolve));

/** Where mail comes in. */
export class Door {
  readonly #world: World;
  readonly #config: ListenerConfig;
  /** Every client comes from one place, so all sessions have the same. */
  readonly #settings: SessionSettings;

  constructor(world: World, listeners: readonly ListenerConfig[]) {
    this.#world = world;
    this.#config = listeners[0] ?? parseListenerConfig({}, 'simulated');
    this.#settings = sessionSettings(this.#config, PEER, this.#config.listen.address);
  }

  /** Asks reception and hands the message over; `answered` once it is durable, or refused. */
  async submit(letter: Letter, answered: (outcome: Outcome) => void): Promise<void> {
    const { life } = this.#world;
    const { engine } = life;
    if (!life.isOpen || life.isFatal) return answered(CLOSED);
    const refusal = engine.admit();
    if (refusal !== undefined) return answered(refusal);
    const { address, port } = this.#config.listen;
    const listener = `${address}:${port}`;
    const settings = this.#settings;
    const facts = { received_from: PEER, received_via: listener, hostname: 'waybill.test' };
    const meta = new ConnectionMeta(() => ({ ...facts, ...settings.meta, ...letter.meta }));
    const isGone = (): boolean => life.clock.isOver;
    const about = { isGone, waitMsMax: () => WAIT_MS_MAX, peer: () => PEER, meta: () => meta };
    const interview = new Interview({ host: engine, ...about });
    const said = await this.#interview(interview, letter);
    if (isGone()) return;
    if (said !== undefined) return answered(said);
    const arrival = this.#arrive(letter, listener);
    const note = (text: string) => this.#world.say(`error: ${text}`);
    const order = { host: engine, interview, meta, settings, arrival, bytes: [letter.bytes] };
    const received = await receive({ ...order, isOver: isGone, note });
    if (isGone()) return;
    if ('code' in received) return answered(received);
    const taking = new Taking({ host: engine, bodies: this.#world.bodies }, (outcome) => {
      if (!isGone()) answered(outcome);
    });
    taking.begin(arrival, received);
  }

  async #interview(interview: Interview, { from, to }: Letter): Promise<Reply | undefined> {
    const questions: Ask[] = [
      (told) => interview.accepted(told),
      (told) => interview.ehlo(HELO, ['PIPELINING', '8BITMIME'], told),
      (told) => interview.sender(from, told),
      ...to.map(
        (one): Ask =>
          (told) =>
            interview.recipient(one, told),
      ),
    ];
    for (const ask of questions) {
      const refusal = await asked(ask);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #arrive({ from, to }: Letter, listener: string): Arrival {
    return {
      from,
      recipients: to,
      smtpUtf8: false,
      peer: PEER,
      helo: HELO,
      protocol: 'ESMTP',
      listener,
      hostname: 'waybill.test',
      at: this.#world.now,
      session: this.#world.engine.nameSession?.() ?? '',
    };
  }
}

const CLOSED: Reply = { code: 421, enhanced: '4.3.2', text: 'nobody listens' };
