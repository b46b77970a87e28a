import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** Shorter text is left as it is: there is little to win, and most clients have no more. */
const PACK_FROM_LENGTH = 2_048;

/**
 * Text that is kept for long and hardly looked at: one that is long is compressed, where that makes
 * it shorter.
 */
export type PackedText = string | Deflated;

export function pack(text: string): PackedText {
  if (text.length < PACK_FROM_LENGTH) return text;
  // A character for each byte: a string takes no memory beyond its own, a buffer does.
  const bytes = deflateRawSync(text).toString('latin1');
  return bytes.length < text.length ? new Deflated(bytes) : text;
}

export function unpack(text: PackedText): string {
  return typeof text === 'string' ? text : text.text;
}

class Deflated {
  readonly #bytes: string;

  constructor(bytes: string) {
    this.#bytes = bytes;
  }

  get text(): string {
    return inflateRawSync(Buffer.from(this.#bytes, 'latin1')).toString('utf8');
  }
}
