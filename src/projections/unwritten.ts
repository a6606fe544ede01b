/**
 * Records that a template failed for: they have no text, so they are not sent, and are refused with
 * the reason in their place among the others of their batch.
 * The one idea: where the text would be stands the reason, behind a mark that no text begins with;
 * so nothing is held, and a batch that comes again fares the same.
 * Deliberately unknown here: templates, sinks, dead letters.
 */
import type { OutgoingRecord, RefusedRecord, Sink, SinkAnswer } from '../ports/sink.ts';

const MARK = '\u0000';

/** What stands in place of a text that could not be made. */
export const unwritten = (reason: string): string => MARK + reason;

/** The sink, without the records that have no text. */
export const withoutUnwritten = (sink: Sink): Sink => ({
  async send(batch, signal) {
    const kept: number[] = [];
    const refused: RefusedRecord[] = [];
    for (const [index, { text }] of batch.entries()) {
      if (text.startsWith(MARK)) refused.push({ index, reason: text.slice(MARK.length) });
      else kept.push(index);
    }
    if (refused.length === 0) return await sink.send(batch, signal);
    const answer = await sendKept(sink, batch, kept, signal);
    if (answer.kind === 'failed') return answer;
    const others = answer.refused.map(({ index, reason }) => ({
      index: kept[index] ?? index,
      reason,
    }));
    const all = [...refused, ...others].sort((one, other) => one.index - other.index);
    return { kind: 'settled', refused: all };
  },
  close: () => sink.close(),
});

async function sendKept(
  sink: Sink,
  batch: readonly OutgoingRecord[],
  kept: readonly number[],
  signal: AbortSignal,
): Promise<SinkAnswer> {
  const rest = kept.flatMap((index) => batch[index] ?? []);
  return rest.length === 0 ? { kind: 'settled', refused: [] } : await sink.send(rest, signal);
}
