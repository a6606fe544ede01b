/**
 * Policy looks at a report of failure: whether and how it is written (`get_ndr_config`), then the
 * report itself (`ndr_message_generated`), bounded in time. The idea: a refusal for good is a no, a
 * refusal for now or a fault is asked about again.
 * Deliberately unknown here: how reports are written and stored.
 */
import type { ReceptionCall } from '../../domain/reception-asker.ts';
import { rejectionOf } from '../../domain/reject.ts';
import { Message } from '../../mail/message.ts';
import type { Shape } from '../../mail/message-parts.ts';
import { Metadata } from '../../mail/metadata.ts';
import type { Failures, NdrParams } from '../../reports/ndr.ts';
import { laidOver } from '../../reports/ndr.ts';
import { Consulting } from '../consulting.ts';
import type { IntakeHost } from '../host.ts';
import type { Reply } from '../transaction.ts';
import { NDR_SHAPING_MS_MAX } from './limits.ts';

/** Why there is no report: never, not after a few more tries, or not until the world lets it. */
export interface NoNdr {
  readonly why: string;
  readonly until: 'never' | 'asked' | 'possible';
}

/** A report before policy has seen it. */
export interface NdrDraft {
  readonly id: string;
  /** Whom it goes to. */
  readonly to: string;
  readonly chunks: readonly Buffer[];
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Asks the policy in force about reports. */
export class NdrPolicy {
  readonly #consulting: Consulting;

  constructor(host: Pick<IntakeHost, 'reception'>) {
    const waitMsMax = (): number => NDR_SHAPING_MS_MAX;
    this.#consulting = new Consulting({ host, isGone: () => false, waitMsMax });
  }

  /** How the report of these failures is written, `params` where no handler says otherwise. */
  async choose(params: NdrParams, failures: Failures): Promise<NdrParams | NoNdr> {
    const handler = 'get_ndr_config';
    if (!this.#consulting.hears(handler)) return params;
    const read = (raw: unknown): NdrParams | false =>
      raw === false ? false : laidOver(params, raw, handler);
    const { refusal, value } = await this.#ask({
      handler,
      args: [Object.freeze([...failures])],
      about: `message ${failures[0].id}`,
      read,
    });
    if (refusal !== undefined) return refusal;
    if (value === false) return { why: 'get_ndr_config wants none', until: 'never' };
    return value ?? params;
  }

  /** The report as policy lets it go. */
  async shape(draft: NdrDraft, failures: Failures): Promise<Shape | NoNdr> {
    const { id, to, chunks, meta } = draft;
    const given = { id, sender: '', recipients: [to], chunks, meta: Metadata.of(meta) };
    const message = new Message({ ...given, isUtf8: true });
    const handler = 'ndr_message_generated';
    if (this.#consulting.hears(handler)) {
      const args = [message, Object.freeze([...failures])];
      const about = `the report to ${to}`;
      const { refusal } = await this.#ask({ handler, args, about, read: () => undefined });
      // A handler that goes on after its time must not change what is stored.
      message.seal();
      if (refusal !== undefined) return refusal;
    }
    try {
      return message.shape();
    } catch (error) {
      // Metadata that are too large, or lead to no queue.
      const rejection = rejectionOf(error);
      if (rejection === undefined) throw error;
      return noFor({ enhanced: '', ...rejection });
    }
  }

  #ask<T>(call: ReceptionCall<T>): Promise<{ refusal?: NoNdr; value?: T | undefined }> {
    return new Promise((resolve) =>
      this.#consulting.ask(call, (refused, value) =>
        resolve(refused === undefined ? { value } : { refusal: noFor(refused) }),
      ),
    );
  }
}

const noFor = ({ code, enhanced, text }: Pick<Reply, 'code' | 'enhanced' | 'text'>): NoNdr => ({
  why: `the policy refused it: ${[code, enhanced, text].filter((one) => one).join(' ')}`,
  until: code >= 500 ? 'never' : 'asked',
});
