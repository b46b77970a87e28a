import { Instance } from '../../faults/fixtures/instance.js';
import { EVENT, type Numbered, type Party, type PartySettings, ROOM } from './subject.js';

/** What `stats()` says of outages. */
const TOLD = [
  'unsent',
  'resent',
  'recovered',
  'lostBroadcasts',
  'liveWaiting',
  'liveHeld',
] as const;

/** An app on this library, with plain `ws` clients. */
export class OurParty implements Party {
  static async start({ redisPort, windowMs }: PartySettings): Promise<OurParty> {
    const redis = `redis://127.0.0.1:${redisPort}`;
    const window = windowMs === undefined ? {} : { liveWindowMs: windowMs };
    const instance = await Instance.boot({ redis, ...window });
    await instance.awaitStatus('ready');
    return new OurParty(instance);
  }

  readonly #instance: Instance;

  private constructor(instance: Instance) {
    this.#instance = instance;
  }

  emit(message: Numbered): void {
    this.#instance.server.to(ROOM).emit(EVENT, message);
  }

  async listen(onMessage: (message: Numbered) => void): Promise<void> {
    const client = await this.#instance.connect(ROOM);
    client.socket.on('message', (bytes: Buffer) => {
      const { event, data } = JSON.parse(bytes.toString()) as { event?: string; data: Numbered };
      if (event === EVENT) onMessage(data);
    });
  }

  told(): Readonly<Record<string, number>> {
    const stats = this.#instance.backplane.stats();
    return Object.fromEntries(TOLD.map((name) => [name, stats[name]]));
  }
}
