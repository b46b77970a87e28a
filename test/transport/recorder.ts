import type { Transport } from '../../lib/transport/transport.js';
import { waitFor } from '../support/wait-for.js';

/** A transport, and all that it told its cluster. */
export class Recorder {
  readonly messages: { channel: string; bytes: Buffer }[] = [];
  readonly downs: string[] = [];
  readonly ups: true[] = [];
  /** How often it had been down when it came up last. */
  downsAtLastUp = 0;

  constructor(readonly transport: Transport) {}

  start(): Promise<boolean> {
    return this.transport.start({
      message: (channel, bytes) => this.messages.push({ channel, bytes }),
      up: () => {
        this.ups.push(true);
        this.downsAtLastUp = this.downs.length;
      },
      down: (reason) => this.downs.push(reason),
    });
  }

  /** As `channel bytes-in-hex`. */
  get heard(): string[] {
    return this.messages.map(({ channel, bytes }) => `${channel} ${bytes.toString('hex')}`);
  }

  /** As `channel text`. */
  get texts(): string[] {
    return this.messages.map(({ channel, bytes }) => `${channel} ${bytes.toString()}`);
  }

  /** Until there are that many messages. A further one fails the test when it looks at them. */
  async count(messages: number): Promise<void> {
    await waitFor(`${messages} messages`, () => this.messages.length >= messages, 30_000);
  }

  dispose(): Promise<void> {
    return this.transport.close();
  }
}
