/**
 * What a message is told when none of the addresses of its site could be reached: each failure,
 * and in front of them what they have in common, where that is something to mend here.
 * Deliberately unknown here: what follows for the message, the source and its health.
 */
import type { SourceConfig } from '../domain/options-egress.ts';
import { formatReply } from '../domain/reply.ts';
import type { FaultCode } from '../ports/ports.ts';
import type { FailedCandidate } from './connection/ending.ts';

const UNPLUMBED =
  'All failures are related to having an unplumbed source address. ' +
  'Are the network interfaces provisioned correctly? ';
const PROXY =
  'All failures are related to proxy connection issues. ' +
  'Is the proxy infrastructure online and healthy? ';
const PROXY_UNPLUMBED =
  'All failures are related to the proxy server having an unplumbed source address. ' +
  'Are the network interfaces provisioned correctly on the proxy? ';

const SUMMARIES: Partial<Record<FaultCode, string>> = {
  FAULT_LINK_UNPLUMBED: UNPLUMBED,
  FAULT_PROXY_UNREACHABLE: PROXY,
  FAULT_PROXY_HANDSHAKE: PROXY,
  FAULT_PROXY_UNPLUMBED: PROXY_UNPLUMBED,
};

// Said only of all of them: one peer that is down among them is another story.
const summaryOf = (attempts: readonly FailedCandidate[]): string => {
  const summaries = new Set(attempts.map(({ fault }) => fault && SUMMARIES[fault.code]));
  const [only] = summaries;
  return summaries.size === 1 && only !== undefined ? only : '';
};

const describe = (attempt: FailedCandidate, source: SourceConfig): string => {
  const { candidate, stage, fault, reply } = attempt;
  const { name, address, port, path } = candidate;
  const where = path ?? `${name}/${address}:${port}`;
  const why = fault?.cause ?? formatReply(reply);
  const isReached = stage !== 'dialing' && stage !== 'greeting';
  if (isReached) return `${where} ${stage}: ${why}`;
  const isBind = fault?.code === 'FAULT_LINK_UNPLUMBED' || fault?.code === 'FAULT_LINK_BIND';
  const what = isBind ? `bind ${source.source_address} for ${source.name} failed: ` : '';
  return `connect to ${where} and read initial banner: ${what}${why}`;
};

/** The text for a message that no address of its site could be reached for. */
export const describeFailedDials = (
  attempts: readonly FailedCandidate[],
  source: SourceConfig,
): string => {
  const tried = attempts.map((attempt) => describe(attempt, source)).join(', ');
  const text = 'KumoMTA internal: failed to connect to any candidate hosts: ';
  return `${text}${summaryOf(attempts)}${tried}`;
};
