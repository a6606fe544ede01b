/**
 * Addresses of this machine that a run may take away: /32 aliases on the loopback interface.
 * The one idea: they are drawn at random from a network nobody uses here, so that two runs at the
 * same time do not meet, and every one is taken off again at the end.
 * Deliberately unknown here: who sends from them.
 */
import { spawnSync } from 'node:child_process';

/** 10.77.0.0/16: private (RFC 1918), and in use nowhere in these tests otherwise. */
const NETWORK = '10.77';

/** Runs ip(8); answers what it complained of. */
function ip(...args: string[]): string | undefined {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (error !== undefined) return error.message;
  return status === 0 ? undefined : stderr.trim();
}

/** Addresses that come and go. */
export class Aliases {
  readonly #there = new Set<string>();
  readonly #block = `${NETWORK}.${1 + Math.floor(Math.random() * 250)}`;

  /** The nth address of this run, counted from 1. */
  address(number: number): string {
    return `${this.#block}.${number}`;
  }

  /** Puts an address on the loopback interface. */
  add(address: string): void {
    const complaint = ip('addr', 'add', `${address}/32`, 'dev', 'lo');
    if (complaint !== undefined) throw new Error(`ip addr add ${address}: ${complaint}`);
    this.#there.add(address);
  }

  /** Takes it off. */
  remove(address: string): void {
    const complaint = ip('addr', 'del', `${address}/32`, 'dev', 'lo');
    if (complaint !== undefined) throw new Error(`ip addr del ${address}: ${complaint}`);
    this.#there.delete(address);
  }

  /** Takes off whatever is still there. */
  close(): void {
    for (const address of [...this.#there]) this.remove(address);
  }
}

/** Why no alias can be had here; undefined when one can. */
export function whyNoAlias(): string | undefined {
  const aliases = new Aliases();
  try {
    aliases.add(aliases.address(254));
    aliases.close();
    return undefined;
  } catch (error) {
    return `no loopback alias can be added (needs root and iproute2): ${(error as Error).message}`;
  }
}
