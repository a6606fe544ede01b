/**
 * A resolver made of a table, for tests of routes and plans: it answers at once or when told.
 * Deliberately unknown here: DNS, time.
 */
import type {
  AddressAnswer,
  Fault,
  FaultCode,
  MxAnswer,
  MxRecord,
  Resolver,
  TxtAnswer,
} from '../../src/ports/ports.ts';

/** What the table holds: `preference host` lines, addresses, or a fault's code. */
export interface Table {
  readonly mx?: Readonly<Record<string, readonly string[] | FaultCode>>;
  readonly addresses?: Readonly<Record<string, readonly string[] | FaultCode>>;
  readonly txt?: Readonly<Record<string, readonly string[]>>;
}

/** A fault as an adapter would make it. */
export const faultOf = (code: FaultCode, where: string): Fault => ({
  code,
  where,
  cause: code === 'FAULT_DNS_NXDOMAIN' ? 'NXDOMAIN' : 'timed out',
  retryable: true,
});

const record = (line: string): MxRecord => {
  const [preference = '', exchange = ''] = line.split(' ');
  return { preference: Number(preference), exchange: exchange === '.' ? '' : exchange };
};

/** A resolver over `table`; what it was asked is noted in `asked`. */
export const createTableResolver = (
  table: Table,
  later: (task: () => void) => void = (task) => task(),
): Resolver & { readonly asked: string[] } => {
  const asked: string[] = [];
  return {
    asked,
    findMx: (name, answered) => {
      asked.push(`MX ${name}`);
      const held = table.mx?.[name] ?? [];
      const expiresAt = 300_000;
      const answer: MxAnswer =
        typeof held === 'string'
          ? { kind: 'failed', fault: faultOf(held, name), expiresAt, tookMs: 12.4 }
          : held.length === 0
            ? { kind: 'absent', expiresAt }
            : { kind: 'found', records: held.map(record), expiresAt };
      later(() => answered(answer));
    },
    findAddresses: (host, strategy, answered) => {
      asked.push(`${strategy} ${host}`);
      const held = table.addresses?.[host] ?? 'FAULT_DNS_NXDOMAIN';
      const expiresAt = 300_000;
      const answer: AddressAnswer =
        typeof held === 'string'
          ? { kind: 'failed', fault: faultOf(held, host), expiresAt }
          : { kind: 'found', addresses: held, expiresAt };
      later(() => answered(answer));
    },
    findTxt: (name, answered) => {
      asked.push(`TXT ${name}`);
      const texts = table.txt?.[name];
      const expiresAt = 300_000;
      const answer: TxtAnswer =
        texts === undefined ? { kind: 'absent', expiresAt } : { kind: 'found', texts, expiresAt };
      later(() => answered(answer));
    },
  };
};
