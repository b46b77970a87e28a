import { constants, deflateRawSync, type ZlibOptions } from 'node:zlib';
import type { ServerOptions, WebSocket } from 'ws';

import type { Batch } from '../../hub/batch.js';
import type { Frame } from '../../hub/frame.js';

const EXTENSION = 'permessage-deflate';
/** Of ws: smaller messages are not worth the effort. */
const DEFAULT_THRESHOLD_BYTES = 1_024;
/** Tells the receiver that the payload is deflated (RFC 7692, section 6). */
const RSV1 = 0x40;
/** The end of a sync flush; the receiver puts it back (RFC 7692, section 7.2.1). */
const TAIL_BYTES = 4;

/**
 * The parts of ws that say what was negotiated. Not public: where they differ, each socket deflates
 * for itself.
 */
interface DeflateInternals {
  readonly params?: {
    readonly server_no_context_takeover?: unknown;
    readonly server_max_window_bits?: unknown;
  };
}

/**
 * The option as ws gets it: without context takeover, unless the app wants it, so that sockets can
 * share what is deflated.
 */
export function shareableDeflate(
  option: ServerOptions['perMessageDeflate'],
): ServerOptions['perMessageDeflate'] {
  if (!option) return false;
  return { serverNoContextTakeover: true, ...(option === true ? {} : option) };
}

/** Deflates a broadcast once, for all sockets that have negotiated the same. */
export class SharedDeflate {
  readonly #thresholdBytes: number;
  readonly #zlib: ZlibOptions;
  readonly #batches = new WeakMap<Batch, readonly Buffer[]>();

  constructor(option: ServerOptions['perMessageDeflate']) {
    const { threshold, zlibDeflateOptions } = typeof option === 'object' ? option : {};
    this.#thresholdBytes = threshold ?? DEFAULT_THRESHOLD_BYTES;
    const { level, memLevel, strategy } = zlibDeflateOptions ?? {};
    this.#zlib = { level, memLevel, strategy, finishFlush: constants.Z_SYNC_FLUSH };
  }

  /** Whether the socket can inflate each message for itself, with the window that is used here. */
  suits(ws: WebSocket): boolean {
    if (ws.extensions !== EXTENSION) return false;
    const { _extensions: extensions } = ws as unknown as {
      _extensions?: Record<string, DeflateInternals>;
    };
    const params = extensions?.[EXTENSION]?.params;
    return (
      params?.server_no_context_takeover === true && params.server_max_window_bits === undefined
    );
  }

  /** Whether the frame is worth the effort. */
  deflates({ payload }: Frame): boolean {
    return payload.length >= this.#thresholdBytes;
  }

  wireOf(batch: Batch): readonly Buffer[] {
    let wire = this.#batches.get(batch);
    if (!wire) {
      wire = batch.frames.length === 1 ? this.#encode(batch.frames[0]!) : [this.#join(batch)];
      this.#batches.set(batch, wire);
    }
    return wire;
  }

  #join({ frames }: Batch): Buffer {
    return Buffer.concat(frames.flatMap((frame) => this.#encode(frame)));
  }

  #encode(frame: Frame): readonly Buffer[] {
    if (!this.deflates(frame)) return frame.wire;
    const deflated = deflateRawSync(frame.payload, this.#zlib);
    return frame.carrying(deflated.subarray(0, -TAIL_BYTES), RSV1);
  }
}
