/**
 * The events of a session as its policy is asked about them: which handler, with what, and how its
 * answer is read. The idea: each event is one method; the session decides what follows. It does not
 * know order, replies beyond a refusal, or bytes.
 */
import type { AuthAnswer } from '../domain/auth-info.ts';
import { readAuthAnswer } from '../domain/auth-info.ts';
import { OptionError } from '../domain/option-error.ts';
import { isTable } from '../domain/options.ts';
import type { SessionSettings } from '../domain/options-listener.ts';
import { readDynamicSettings } from '../domain/options-listener.ts';
import type { ReceptionHandler } from '../domain/reception-asker.ts';
import type { ConnectionMeta } from '../mail/connection-meta.ts';
import type { GivenAddress } from '../mail/envelope-address.ts';
import { EnvelopeAddress, readGivenAddress } from '../mail/envelope-address.ts';
import type { Message } from '../mail/message.ts';
import { RECIPIENTS_MAX } from '../mail/message-parts.ts';
import type { Asking, Told } from './consulting.ts';
import { Consulting } from './consulting.ts';
import { replyLines } from './policy-reply.ts';
import type { Reply } from './transaction.ts';

/** The session, as far as handlers are told of it. */
export interface Interviewed extends Asking {
  readonly peer: () => string;
  readonly meta: () => ConnectionMeta;
}

const EXTENSIONS_MAX = 64;
const EXTENSION = /^[A-Za-z0-9][ -~]{0,199}$/;
const IDENTITIES_MAX = 16;
const nothing = (): undefined => undefined;

function readExtensions(raw: unknown): readonly string[] {
  const isList = Array.isArray(raw) && raw.length <= EXTENSIONS_MAX;
  if (isList && raw.every((one) => typeof one === 'string' && EXTENSION.test(one))) return raw;
  throw new TypeError('the answer to smtp_server_ehlo is no list of extensions');
}

function readLogin(raw: unknown): AuthAnswer {
  const answer = readAuthAnswer(raw, 'smtp_server_auth_plain');
  if (typeof answer === 'boolean') return answer;
  const { identities } = answer;
  const isNamed = identities.every(({ identity }) => identity !== '');
  if (isNamed && identities.length > 0 && identities.length <= IDENTITIES_MAX) return answer;
  const problem = `needs 1 to ${IDENTITIES_MAX} identities with a name`;
  throw new OptionError('smtp_server_auth_plain', 'identities', problem, 'or answer true or false');
}

function readBatches(raw: unknown, isUtf8: boolean): readonly (readonly string[])[] {
  if (!Array.isArray(raw) || !raw.every(Array.isArray)) {
    throw new TypeError('answer a list of lists of addresses');
  }
  const read = (one: unknown): string =>
    readGivenAddress(one as GivenAddress, 'split_transaction', { isUtf8 });
  const batches = (raw as unknown[][]).filter(({ length }) => length > 0);
  if (batches.reduce((sum, { length }) => sum + length, 0) > RECIPIENTS_MAX) {
    throw new TypeError(`more than ${RECIPIENTS_MAX} recipients`);
  }
  return batches.map((batch) => batch.map(read));
}

interface Rewritten {
  readonly status: number | undefined;
  readonly text: string | undefined;
}

function readRewritten(raw: unknown): Rewritten {
  const { status, text } = isTable(raw) ? raw : {};
  const isCode = Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599;
  const isStatus = status === undefined || isCode;
  if (!isTable(raw) || !isStatus || (text !== undefined && typeof text !== 'string')) {
    throw new TypeError('answer { status: 200 to 599, text: "..." }; both may be left out');
  }
  return { status: status as number | undefined, text };
}

/** After these the client's next bytes are read otherwise, so their code must stay. */
const STEERING: ReadonlySet<number> = new Set([220, 334, 354]);

/** The events of one session. */
export class Interview {
  readonly #about: Interviewed;
  readonly #consulting: Consulting;

  constructor(about: Interviewed) {
    this.#about = about;
    this.#consulting = new Consulting(about);
  }

  get isPending(): boolean {
    return this.#consulting.isPending;
  }

  hears(handler: ReceptionHandler): boolean {
    return this.#consulting.hears(handler);
  }

  /** Whether a message is shown to any handler. */
  get hearsMessages(): boolean {
    return (
      this.hears('smtp_server_message_received') ||
      this.hears('smtp_server_data') ||
      this.hears('smtp_server_split_transaction')
    );
  }

  /** Settings that hold for this session alone. */
  parameters(
    listener: string,
    base: SessionSettings,
    [peer, local]: readonly [string, string],
    told: Told<SessionSettings>,
  ): void {
    const handler = 'smtp_server_get_dynamic_parameters';
    const read = (raw: unknown) => readDynamicSettings(base, raw, handler, peer, local);
    this.#ask(handler, [listener, this.#meta], read, told);
  }

  accepted(told: Told<undefined>): void {
    this.#ask('smtp_server_connection_accepted', [this.#meta], nothing, told);
  }

  /** `extensions` is undefined for HELO. */
  ehlo(name: string, extensions: readonly string[] | undefined, told: Told<readonly string[]>) {
    const shown = extensions === undefined ? undefined : Object.freeze([...extensions]);
    this.#ask('smtp_server_ehlo', [name, this.#meta, shown], readExtensions, told);
  }

  login(authz: string, authc: string, password: string, told: Told<AuthAnswer>): void {
    const args = [authz, authc, password, this.#meta];
    this.#ask('smtp_server_auth_plain', args, readLogin, told);
  }

  sender(from: string, told: Told<undefined>): void {
    this.#ask('smtp_server_mail_from', [new EnvelopeAddress(from), this.#meta], nothing, told);
  }

  recipient(to: string, told: Told<undefined>): void {
    this.#ask('smtp_server_rcpt_to', [new EnvelopeAddress(to), this.#meta], nothing, told);
  }

  /** The whole transaction. */
  data(message: Message): Promise<Reply | undefined> {
    return this.#askAbout('smtp_server_data', message);
  }

  /** One message as it will be stored. */
  received(message: Message): Promise<Reply | undefined> {
    return this.#askAbout('smtp_server_message_received', message);
  }

  /** Who shares a message; undefined: as the listener says. */
  batches(
    message: Message,
    isUtf8: boolean,
  ): Promise<{
    refusal?: Reply | undefined;
    batches?: readonly (readonly string[])[] | undefined;
  }> {
    const handler = 'smtp_server_split_transaction';
    const read = (raw: unknown) => readBatches(raw, isUtf8);
    return new Promise((resolve) => {
      const told: Told<ReturnType<typeof readBatches>> = (refusal, batches) =>
        resolve({ refusal, batches });
      this.#ask(handler, [message, this.#meta], read, told);
    });
  }

  /** What the client hears instead of a reply. */
  rewrite(code: number, lines: readonly string[], command: string): [number, readonly string[]] {
    const handler = 'smtp_server_rewrite_response';
    const args = [code, lines.join('\n'), command === '' ? undefined : command, this.#meta];
    const call = { handler, args, about: this.#about.peer(), read: readRewritten } as const;
    const { status = code, text } = this.#consulting.askNow(call) ?? { text: undefined };
    return [STEERING.has(code) ? code : status, text === undefined ? lines : replyLines(text)];
  }

  get #meta(): ConnectionMeta {
    return this.#about.meta();
  }

  #ask<T>(
    handler: ReceptionHandler,
    args: readonly unknown[],
    read: (raw: unknown) => T,
    told: Told<T>,
  ): void {
    this.#consulting.ask({ handler, args, about: this.#about.peer(), read }, told);
  }

  #askAbout(handler: ReceptionHandler, message: Message): Promise<Reply | undefined> {
    return new Promise((resolve) => {
      this.#ask(handler, [message, this.#meta], nothing, (refusal) => resolve(refusal));
    });
  }
}
