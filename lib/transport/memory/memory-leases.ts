import type { Lease, Leases } from '../transport.js';

interface HeldLease {
  readonly value: string;
  readonly lapsesAt: number;
}

/** Leases among the apps of one process. */
export class MemoryLeases implements Leases {
  readonly #keys = new Map<string, Map<string, HeldLease>>();

  async claim(key: string, id: string, value: string, ttlMs: number): Promise<readonly Lease[]> {
    const leases = this.#sweep(key);
    leases.set(id, { value, lapsesAt: performance.now() + ttlMs });
    this.#keys.set(key, leases);
    return this.#list(leases);
  }

  async renew(
    key: string,
    id: string,
    value: string,
    ttlMs: number,
  ): Promise<readonly Lease[] | undefined> {
    return this.#sweep(key).has(id) ? this.claim(key, id, value, ttlMs) : undefined;
  }

  async drop(key: string, id: string): Promise<void> {
    const leases = this.#sweep(key);
    leases.delete(id);
    if (leases.size === 0) this.#keys.delete(key);
  }

  async list(key: string): Promise<readonly Lease[]> {
    return this.#list(this.#sweep(key));
  }

  #sweep(key: string): Map<string, HeldLease> {
    const leases = this.#keys.get(key) ?? new Map<string, HeldLease>();
    const now = performance.now();
    for (const [id, { lapsesAt }] of leases) if (lapsesAt <= now) leases.delete(id);
    return leases;
  }

  #list(leases: Map<string, HeldLease>): Lease[] {
    const now = performance.now();
    return [...leases].map(([id, { value, lapsesAt }]) => ({
      id,
      value,
      remainingMs: Math.ceil(lapsesAt - now),
    }));
  }
}
