import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { guardProcess } from '../support/process-guard.js';
import { describeOnEach } from './fixtures/backends.js';
import { arrivalsByLabel, Cluster, comparable } from './fixtures/cluster.js';
import { FAN_OUT_TABLE, type World } from './fixtures/fan-out.table.js';
import type { Peer } from './fixtures/instance.js';

/** The peers of the cluster that the tests of a block run on. */
let peers: Peer[] = [];

function peersOf(kinds: string): Peer[] {
  return peers.filter(({ label }) => kinds.includes(label.charAt(0)));
}

describeOnEach('A broadcast reaches whom it names, once', (backend) => {
  describe.each([2, 10])('on %i instances', (size) => {
    guardProcess();
    let cluster: Cluster;

    beforeAll(async () => {
      cluster = await Cluster.boot(backend, size);
      const arriving = cluster.instances.flatMap((instance, i) => [
        instance.connect({ label: `a${i}`, user: 'ann', rooms: ['red'] }),
        instance.connect({ label: `b${i}`, user: 'bob', rooms: ['red', 'blue'] }),
        instance.connect({ label: `c${i}` }),
      ]);
      peers = await Promise.all(arriving);
    });

    afterAll(async () => {
      await Promise.all(peers.map((peer) => peer.dispose()));
      await cluster.dispose();
    });

    it.each(FAN_OUT_TABLE)(
      '$title',
      async ({ send, reaches, frame = { event: 'said', data: 1 } }) => {
        for (const [from, other] of [
          [0, size - 1],
          [size - 1, 0],
        ] as const) {
          const emitter = cluster.instances[from]!;
          const peer = (label: string) => peers.find((candidate) => candidate.label === label)!;
          const [a, b, c] = [peer(`a${from}`), peer(`b${from}`), peer(`c${from}`)];
          const [farA, farC] = [peer(`a${other}`), peer(`c${other}`)];
          const world: World = { emitter, server: emitter.server, a, b, c, farA, farC, peersOf };

          await send(world);

          const expected = typeof reaches === 'string' ? peersOf(reaches) : reaches(world);
          expect(await arrivalsByLabel(emitter.server, peers)).toEqual(
            Object.fromEntries(expected.map(({ label }) => [label, [comparable(frame)]])),
          );
        }
      },
    );
  });
});
