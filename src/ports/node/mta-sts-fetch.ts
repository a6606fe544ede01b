/**
 * The `PolicyFetch` port over HTTPS: one GET to a fixed path of a fixed host, its certificate
 * checked, no redirects, a bounded answer, a bounded time in which waiting for a turn counts too.
 * It does not know what a policy says, and keeps nothing.
 */
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { STS_FILE_BYTES_MAX } from '../../domain/mta-sts.ts';
import type { Fault, FaultCode, Ms, PolicyFetch, Resolver } from '../ports.ts';

/** What a test may set; everything has a default. */
export interface PolicyFetchOptions {
  /** Finds the addresses of the hosts. */
  readonly resolver: Pick<Resolver, 'findAddresses'>;
  readonly port?: number;
  /** PEM certificates trusted instead of the platform's. */
  readonly trusted?: readonly string[];
  readonly timeoutMs?: Ms;
  readonly concurrencyMax?: number;
}

/** A fetch that can be stopped; what was asked then stays unanswered. */
export interface NodePolicyFetch extends PolicyFetch {
  stop(): void;
}

const PORT = 443;
const PATH = '/.well-known/mta-sts.txt';
/** RFC 8461 section 3.3 suggests a minute; the reference takes 20 s. */
const TIMEOUT_MS: Ms = 20_000;
/** With less time left a fetch is not begun. */
const FETCH_MS_MIN: Ms = 50;
const CONCURRENCY_MAX = 64;
const WAITING_MAX = 10_000;
const CAUSE_CHARS_MAX = 300;

interface Task {
  readonly domain: string;
  readonly endsAt: Ms;
  readonly answered: (outcome: string | Fault) => void;
}

const hostOf = (domain: string): string => `mta-sts.${domain}`;

const faultOf = (domain: string, code: FaultCode, cause: string): Fault => ({
  code,
  where: `https://${hostOf(domain)}${PATH}`,
  cause: cause.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, CAUSE_CHARS_MAX),
  retryable: true,
});

const CERTIFICATE_CODE = /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/;

const codeOf = (error: NodeJS.ErrnoException): FaultCode => {
  const code = error.code ?? '';
  if (CERTIFICATE_CODE.test(code)) return 'FAULT_TLS_CERTIFICATE';
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') return 'FAULT_TLS_HANDSHAKE';
  if (code.startsWith('HPE_')) return 'FAULT_HTTP_ANSWER';
  if (code === 'ECONNREFUSED') return 'FAULT_LINK_REFUSED';
  return code === 'ECONNRESET' ? 'FAULT_LINK_RESET' : 'FAULT_LINK_UNREACHABLE';
};

// The answer to node's question for an address, from the resolver that routes mail too.
const lookupVia =
  (resolver: PolicyFetchOptions['resolver']): LookupFunction =>
  (host, options, answered) => {
    resolver.findAddresses(host, 'Ipv4AndIpv6', (answer) => {
      if (answer.kind === 'failed') {
        const { code, cause } = answer.fault;
        answered(Object.assign(new Error(`${host}: ${cause}`), { fault: code }), '');
        return;
      }
      const found = answer.addresses.map((address) => ({
        address,
        family: address.includes(':') ? 6 : 4,
      }));
      if (options.all) answered(null, found);
      else answered(null, found[0]?.address ?? '', found[0]?.family);
    });
  };

// Why an answer is no policy file, before its body is read (RFC 8461 section 3.3).
const complaintOf = (response: IncomingMessage): string | undefined => {
  const { statusCode, headers } = response;
  if (statusCode !== 200) return `status ${statusCode}`;
  const type = headers['content-type'] ?? '';
  if (!/^text\/plain[ \t]*(;|$)/i.test(type)) return `content type '${type}'`;
  const coding = headers['content-encoding'] ?? 'identity';
  return coding === 'identity' ? undefined : `content encoding '${coding}'`;
};

const readBody = (
  domain: string,
  response: IncomingMessage,
  answered: (outcome: string | Fault) => void,
): void => {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > STS_FILE_BYTES_MAX) {
      answered(faultOf(domain, 'FAULT_HTTP_ANSWER', `longer than ${STS_FILE_BYTES_MAX} bytes`));
    } else chunks.push(chunk);
  });
  response.on('end', () => {
    const text = Buffer.concat(chunks).toString('utf8');
    answered(response.complete ? text : faultOf(domain, 'FAULT_LINK_ENDED', 'cut short'));
  });
  response.on('error', (error) => answered(faultOf(domain, 'FAULT_LINK_RESET', error.message)));
};

// One request; answers once and leaves nothing open. The answer of this function cancels it.
const request = (options: PolicyFetchOptions, task: Task): (() => void) => {
  const { domain } = task;
  const waitMs = task.endsAt - performance.now();
  let isOver = false;
  const end = (outcome: string | Fault): void => {
    if (isOver) return;
    cancel();
    task.answered(outcome);
  };
  const sent = https.get({
    host: hostOf(domain),
    servername: hostOf(domain),
    port: options.port ?? PORT,
    path: PATH,
    headers: { host: hostOf(domain), accept: 'text/plain', 'user-agent': 'waybill' },
    // Nothing is kept open: a host is asked about once a day.
    agent: false,
    lookup: lookupVia(options.resolver),
    minVersion: 'TLSv1.2',
    maxHeaderSize: 16_384,
    rejectUnauthorized: true,
    ...(options.trusted === undefined ? {} : { ca: [...options.trusted] }),
  });
  const timer = setTimeout(
    () => end(faultOf(domain, 'FAULT_LINK_TIMEOUT', 'no whole answer in time')),
    waitMs,
  );
  function cancel(): void {
    isOver = true;
    clearTimeout(timer);
    sent.destroy();
  }
  sent.on('response', (response) => {
    const complaint = complaintOf(response);
    if (complaint !== undefined) end(faultOf(domain, 'FAULT_HTTP_ANSWER', complaint));
    else readBody(domain, response, end);
  });
  sent.on('error', (error: NodeJS.ErrnoException & { readonly fault?: FaultCode }) =>
    end(faultOf(domain, error.fault ?? codeOf(error), error.message)),
  );
  return cancel;
};

// A host that Node will not even ask is told like any other failure.
const begin = (options: PolicyFetchOptions, task: Task): (() => void) => {
  try {
    return request(options, task);
  } catch (error) {
    const fault = faultOf(task.domain, 'FAULT_LINK_UNREACHABLE', String(error));
    const soon = setImmediate(() => task.answered(fault));
    return () => clearImmediate(soon);
  }
};

/** The fetch of this process. */
export const createPolicyFetch = (options: PolicyFetchOptions): NodePolicyFetch => {
  const waiting: Task[] = [];
  const cancels = new Set<() => void>();
  const run = (task: Task): void => {
    const answered = (outcome: string | Fault): void => {
      cancels.delete(cancel);
      task.answered(outcome);
      runNext();
    };
    const cancel = begin(options, { ...task, answered });
    cancels.add(cancel);
  };
  const runNext = (): void => {
    while (cancels.size < (options.concurrencyMax ?? CONCURRENCY_MAX)) {
      const task = waiting.shift();
      if (task === undefined) return;
      if (performance.now() + FETCH_MS_MIN < task.endsAt) run(task);
      else task.answered(overloaded(task.domain));
    }
  };
  return {
    fetchPolicy: (domain, answered) => {
      if (waiting.length >= WAITING_MAX) {
        setImmediate(() => answered(overloaded(domain)));
        return;
      }
      const endsAt = performance.now() + (options.timeoutMs ?? TIMEOUT_MS);
      waiting.push({ domain, endsAt, answered });
      runNext();
    },
    stop: () => {
      waiting.length = 0;
      for (const cancel of cancels) cancel();
      cancels.clear();
    },
  };
};

const overloaded = (domain: string): Fault =>
  faultOf(domain, 'FAULT_OVERLOADED', 'too many policies are being fetched');
