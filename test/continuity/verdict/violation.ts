/** What must not be, whatever the faults. */
export type ViolationKind =
  /**
   * An entry between two that a member got, or behind its last, never came, and nothing was said.
   */
  | 'gap'
  | 'double'
  /** It came after a later one. */
  | 'reorder'
  /** It had been delivered on this instance before the member joined. */
  | 'stale'
  /** It was delivered, and Redis never took it. */
  | 'phantom'
  /** A loss was said that nothing explains. */
  | 'unjustified-lost'
  /** The numbers in the log do not follow each other. */
  | 'hole-in-log'
  /** One message, twice in a log that was not lost in between. */
  | 'appended-twice'
  /** A publish was acknowledged, and is in no log, or elsewhere than it was said to be. */
  | 'acknowledged-vanished'
  /** In the log it stands before what was sent, or acknowledged, before it. */
  | 'log-disorder'
  /** An emit of an instance that lives is in no log, and was not counted as refused. */
  | 'emit-vanished'
  /** A publish was refused for good, and is in a log. */
  | 'refused-yet-taken'
  /** Messages were refused, and there was no reason. */
  | 'refused-in-vain'
  /** A client was closed by its instance. */
  | 'disconnected';

export interface Violation {
  readonly kind: ViolationKind;
  readonly room: string;
  /** The member, or the writer. */
  readonly who: string;
  readonly detail: string;
}
