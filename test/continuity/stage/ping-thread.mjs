// A thread that asks a Redis one PING after the other, and notes how long each answer takes. Told anything, it tells its
// latencies (ms) and ends.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

const PAUSE_MS = 2;

const socket = connect(workerData.port, '127.0.0.1').setNoDelay(true);
await once(socket, 'connect');
const latencies = [];
let stopped = false;
parentPort.once('message', () => (stopped = true));
parentPort.postMessage('ready');
while (!stopped) {
  const asked = performance.now();
  socket.write('PING\r\n');
  await once(socket, 'data');
  latencies.push(performance.now() - asked);
  await delay(PAUSE_MS);
}
socket.destroy();
parentPort.postMessage(latencies);
