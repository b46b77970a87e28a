export type Received =
  | { readonly kind: 'message'; readonly uid: string; readonly at: number }
  | { readonly kind: 'lost'; readonly reason: string; readonly at: number };

/** One client's time in one room, as it saw it. Times are ms since 1970. */
export interface Membership {
  readonly member: string;
  readonly instance: string;
  readonly room: string;
  /** When it asked to join. */
  readonly askedAt: number;
  /**
   * From when on it must get what is sent, or be told; undefined if its joining was never
   * confirmed.
   */
  readonly boundFrom: number | undefined;
  /**
   * Its instance was cut off when it joined, or on the way: what came before the link was back may
   * be lost, if it is told so.
   */
  readonly joinedOffline: boolean;
  readonly received: readonly Received[];
  /** It never left, and must have all that there is. */
  readonly stayed: boolean;
}
