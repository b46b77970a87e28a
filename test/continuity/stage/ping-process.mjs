// Asks the Redis on the port of its argument one PING after the other, and notes how long each
// answer takes. Told anything, it tells its latencies (ms) and ends.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 2;

const socket = connect(Number(process.argv[2]), '127.0.0.1').setNoDelay(true);
await once(socket, 'connect');
const latencies = [];
process.once('message', () => process.send(latencies, () => process.exit()));
process.once('disconnect', () => process.exit());
process.send('ready');
for (;;) {
  const asked = performance.now();
  socket.write('PING\r\n');
  await once(socket, 'data');
  latencies.push(performance.now() - asked);
  await delay(PAUSE_MS);
}
