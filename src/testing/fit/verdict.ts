/**
 * What a provider answered, as an outcome of the log has it: phase, reply, or silence. The one
 * idea: replies that differ only in what is never twice the same (ids, addresses, times) are one
 * reply, so that they can be counted. Deliberately unknown here: what is counted.
 */
import type { ModelPhase, ReplyShare } from '../models/model.ts';

/** An answer that was not good. */
export interface Verdict extends Pick<ReplyShare, 'phase' | 'reply' | 'does'> {
  /** The same for all that count as the same answer. */
  readonly key: string;
  /** It speaks of later: 4xx, or nothing was said. */
  readonly isForNow: boolean;
}

type Body = Readonly<Record<string, unknown>>;

const DIALLED = /failed to connect to any candidate hosts: /;
const BANNER = /read initial banner: ([45]\d\d)[ -](.*)/s;
const SILENT = /timed out|no answer/;
/** What is never twice the same: ids, numbers, addresses, what stands in brackets. */
const PASSING = /<[^>]*>|\S+@\S+|\[[^\]]*\]|\b(?=\w*\d)\w{6,}\b|\d+(?:\.\d+)+|\d+/g;
/** A reply in a models file; longer ones are cut. */
const REPLY_CHARS_MAX = 200;

/** Reads an outcome; undefined: taken, 'ours': nobody at the other end said it. */
export function readVerdict(type: string, body: Body): Verdict | 'ours' | undefined {
  if (type === 'message.delivered') return undefined;
  if (type === 'message.unsettled') return unanswered('dot', String(body['cause']));
  const text = String(body['text'] ?? '');
  const phase = phaseOf(body['command']);
  if (body['own'] !== 1) {
    if (phase === undefined) return 'ours';
    return said(phase, Number(body['code']), String(body['enhanced'] ?? ''), text);
  }
  if (phase !== undefined) return unanswered(phase, text);
  if (!DIALLED.test(text)) return 'ours';
  const [, code, rest = ''] = BANNER.exec(text) ?? [];
  if (code === undefined) return unanswered('connect', text);
  return said('connect', Number(code), '', rest);
}

function phaseOf(command: unknown): ModelPhase | undefined {
  if (typeof command !== 'string') return undefined;
  if (command.startsWith('MAIL')) return 'mail';
  if (command.startsWith('RCPT')) return 'rcpt';
  if (command.startsWith('DATA')) return 'data';
  return command.startsWith('.') ? 'dot' : undefined;
}

function said(phase: ModelPhase, code: number, enhanced: string, text: string): Verdict {
  const line = [code, enhanced, text].filter((part) => part !== '').join(' ');
  const reply = line.replace(/[\r\n\0]+/g, ' ').slice(0, REPLY_CHARS_MAX);
  const key = `${phase} ${code} ${enhanced} ${text.replace(PASSING, '#')}`.slice(
    0,
    REPLY_CHARS_MAX,
  );
  return { phase, reply, does: undefined, key, isForNow: code < 500 };
}

function unanswered(phase: ModelPhase, text: string): Verdict {
  const does = SILENT.test(text) ? 'silent' : 'drop';
  return { phase, reply: undefined, does, key: `${phase} ${does}`, isForNow: true };
}
