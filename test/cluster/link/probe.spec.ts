import { describe, expect, it } from '@jest/globals';
import { newInstanceId } from '../../../lib/cluster/wire/instance-id.js';
import { Probe, ProbeTimeoutError } from '../../../lib/cluster/link/probe.js';
import { decodeEnvelope, encodeControl, EnvelopeKind } from '../../../lib/cluster/wire/envelope.js';
import type { Transport } from '../../../lib/transport/transport.js';

describe('A probe', () => {
  const id = newInstanceId();
  const sent: Buffer[] = [];
  const transport = {
    subscribe: async () => {},
    publish: async (_: string, bytes: Buffer) => void sent.push(bytes),
  } as unknown as Transport;

  it('is proven by the message that it sent, and by no forged one', async () => {
    const probe = new Probe(transport, 'probe', id, 200);
    const forged = (sequence: number) =>
      encodeControl({ kind: EnvelopeKind.probe, origin: id, sequence, payload: Buffer.alloc(0) });
    const refused = probe.prove().catch((error: unknown) => error);
    await new Promise(setImmediate);
    for (let sequence = 0; sequence < 1_000; sequence++) probe.receive(forged(sequence));
    expect(await refused).toBeInstanceOf(ProbeTimeoutError);
    expect(probe.ageMs).toBeUndefined();

    const proof = probe.prove();
    await new Promise(setImmediate);
    expect(decodeEnvelope(sent[0]!)!.sequence).not.toBe(decodeEnvelope(sent[1]!)!.sequence);
    probe.receive(sent[0]!);
    probe.receive(sent[1]!);
    await proof;
    expect(probe.ageMs).toBeGreaterThanOrEqual(0);
  });
});
