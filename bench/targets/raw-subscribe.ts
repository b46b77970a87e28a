import { connect, type Socket } from 'node:net';

const CONFIRMATION = Buffer.from('\r\nsubscribe\r\n');

let connection: Socket | undefined;
/** Those who wait, each for so many confirmations; Redis answers in order. */
const waiting: { left: number; resolve: () => void }[] = [];
let tail = Buffer.alloc(0);

/** SUBSCRIBE for each channel, all in one write; resolves when Redis has confirmed them. */
export function subscribeRaw(
  redis: { host: string; port: number },
  channels: readonly string[],
): Promise<void> {
  connection ??= connect(redis.port, redis.host).on('data', countConfirmations);
  connection.write(
    channels.map((name) => `*2\r\n$9\r\nSUBSCRIBE\r\n$${name.length}\r\n${name}\r\n`).join(''),
  );
  return new Promise((resolve) => waiting.push({ left: channels.length, resolve }));
}

function countConfirmations(chunk: Buffer): void {
  const bytes = Buffer.concat([tail, chunk]);
  let end = 0;
  for (;;) {
    const at = bytes.indexOf(CONFIRMATION, end);
    if (at < 0) break;
    end = at + CONFIRMATION.length;
    const first = waiting[0];
    if (first && --first.left === 0) waiting.shift()!.resolve();
  }
  tail = bytes.subarray(Math.max(end, bytes.length - CONFIRMATION.length + 1));
}
