import type { Frame } from './frame.js';

/**
 * Up to here frames are joined into one buffer, once for all members; above, copying costs more
 * than it saves.
 */
const JOIN_UP_TO_BYTES = 1024 * 1024;

/** Frames that leave together, in their order. */
export class Batch {
  readonly frames: Frame[];
  #bytes: number;
  #wire: readonly Buffer[] | undefined;
  #positioned: Batch | undefined;

  static of([first, ...rest]: readonly [Frame, ...Frame[]]): Batch {
    const batch = new Batch(first);
    for (const frame of rest) batch.add(frame);
    return batch;
  }

  constructor(first: Frame) {
    this.frames = [first];
    this.#bytes = first.payload.length;
  }

  /** Of all payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Not once {@link wire} was read. */
  add(frame: Frame): void {
    this.frames.push(frame);
    this.#bytes += frame.payload.length;
  }

  /** The frames as they go onto a socket that does not compress. */
  get wire(): readonly Buffer[] {
    return (this.#wire ??= this.#join());
  }

  /** The frames for clients that want positions. Not to be added to. */
  get positioned(): Batch {
    return (this.#positioned ??= this.frames.some(({ position }) => position)
      ? Batch.of(this.frames.map((frame) => frame.positioned) as [Frame, ...Frame[]])
      : this);
  }

  #join(): readonly Buffer[] {
    if (this.frames.length === 1) return this.frames[0]!.wire;
    const buffers = this.frames.flatMap((frame) => frame.wire);
    return this.#bytes <= JOIN_UP_TO_BYTES ? [Buffer.concat(buffers)] : buffers;
  }
}
