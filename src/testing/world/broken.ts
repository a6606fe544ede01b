/**
 * Addresses of our own that do not work: taken off the machine, or behind a proxy that fails. The
 * one idea: a dial from such an address is lost of a fault that names what is broken, and each such
 * failure is noted. Deliberately unknown here: links, and who dials.
 */
import type { FaultCode } from '../../ports/ports.ts';

/** Which addresses are broken, and what came of it. */
export class BrokenAddresses {
  /** By address: of what a dial from it is lost. */
  readonly from = new Map<string, FaultCode>();
  /** Dials that failed because of that, in order. */
  readonly failed: { readonly at: number; readonly from: string; readonly code: FaultCode }[] = [];

  /** The address is taken off this machine: binding to it fails. */
  unplumb(address: string): void {
    this.from.set(address, 'FAULT_LINK_UNPLUMBED');
  }

  /** The proxy that the source with this address goes through does not do its work. */
  breakProxy(address: string, code: FaultCode = 'FAULT_PROXY_UNREACHABLE'): void {
    this.from.set(address, code);
  }

  /** The address, or its proxy, is in order again. */
  mend(address: string): void {
    this.from.delete(address);
  }
}
