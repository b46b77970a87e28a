import type { WriteFlags } from '../../hub/member.js';

/** How an audience's messages travel. */
export interface AudienceModifiers extends WriteFlags {
  readonly local: boolean;
  /**
   * How long a `publish` or a request may take; undefined: the backplane's `commandTimeoutMs`, or
   * 5,000.
   */
  readonly timeoutMs: number | undefined;
}

export const DEFAULT_MODIFIERS: AudienceModifiers = Object.freeze({
  local: false,
  volatile: false,
  compress: true,
  timeoutMs: undefined,
});
