import type { Lease, LeaseList, Leases } from '../transport.js';

interface HeldLease {
  readonly value: string;
  readonly lapsesAt: number;
}

/** The leases under one key. */
interface Keyed {
  readonly leases: Map<string, HeldLease>;
  /** By id, until when it is remembered. */
  readonly departed: Map<string, number>;
}

/** Leases among the apps of one process. */
export class MemoryLeases implements Leases {
  readonly #keys = new Map<string, Keyed>();

  async claim(key: string, id: string, value: string, ttlMs: number): Promise<LeaseList> {
    const keyed = this.#sweep(key);
    keyed.leases.set(id, { value, lapsesAt: performance.now() + ttlMs });
    keyed.departed.delete(id);
    this.#keys.set(key, keyed);
    return this.#list(keyed);
  }

  async renew(
    key: string,
    id: string,
    value: string,
    ttlMs: number,
  ): Promise<LeaseList | undefined> {
    return this.#sweep(key).leases.has(id) ? this.claim(key, id, value, ttlMs) : undefined;
  }

  async drop(key: string, id: string, rememberMs: number): Promise<void> {
    const keyed = this.#sweep(key);
    keyed.leases.delete(id);
    if (keyed.leases.size === 0) this.#keys.delete(key);
    else keyed.departed.set(id, performance.now() + rememberMs);
  }

  async list(key: string): Promise<LeaseList> {
    return this.#list(this.#sweep(key));
  }

  #sweep(key: string): Keyed {
    const keyed = this.#keys.get(key) ?? { leases: new Map(), departed: new Map() };
    const now = performance.now();
    for (const [id, { lapsesAt }] of keyed.leases) if (lapsesAt <= now) keyed.leases.delete(id);
    for (const [id, until] of keyed.departed) if (until <= now) keyed.departed.delete(id);
    return keyed;
  }

  #list({ leases, departed }: Keyed): LeaseList {
    const now = performance.now();
    const listed: Lease[] = [...leases].map(([id, { value, lapsesAt }]) => ({
      id,
      value,
      remainingMs: Math.ceil(lapsesAt - now),
    }));
    return { leases: listed, departed: [...departed.keys()] };
  }
}
