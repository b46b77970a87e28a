/**
 * Parts of the measured build that it does not export: a target without the library sends the same
 * bytes to Redis.
 */
interface Library {
  readonly LOG_APPEND: string;
  readonly encodeEnvelope: (envelope: object) => Buffer;
}

const BROADCAST = 1;
const ORIGIN = 'the-bench-itself';

export async function logAppendScript(): Promise<string> {
  return (await library()).LOG_APPEND;
}

/** Encodes a broadcast to the room that it is published to, as an instance sends it. */
export type BroadcastEncoder = (event: string, data: unknown) => Buffer;

export async function broadcastEncoder(): Promise<BroadcastEncoder> {
  const { encodeEnvelope } = await library();
  return (event, data) =>
    encodeEnvelope({
      kind: BROADCAST,
      origin: ORIGIN,
      sequence: 1,
      binary: false,
      mayRepeat: false,
      volatile: false,
      compress: true,
      target: Buffer.alloc(0),
      payload: Buffer.from(JSON.stringify({ event, data })),
    });
}

/** Only where it is measured: the build is not there for who merely reads the catalogues. */
async function library(): Promise<Library> {
  const files = ['transport/redis/scripts/log-append.js', 'cluster/wire/envelope.js'];
  const urls = files.map((file) => new URL(`../../lib/${file}`, import.meta.url).href);
  const modules = await Promise.all(urls.map((url) => import(url) as Promise<Partial<Library>>));
  return Object.assign({}, ...modules) as Library;
}
