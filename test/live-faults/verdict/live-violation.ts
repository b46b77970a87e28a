/** What must not be, whatever the faults. */
export type LiveViolationKind =
  /** It never came, and no fault lasted longer than the window. */
  | 'lost'
  | 'double'
  /** It came after a later one of the same sender to the same target. */
  | 'reorder'
  /** It was sent on the member's own instance, and took long. */
  | 'late'
  /** It is older than the membership by which it came. */
  | 'stale'
  /** It came to somebody whom it did not mean. */
  | 'misdirected'
  /** A `publish` was rejected, as one that was not sent, or long ago, and came. */
  | 'rejected-yet-arrived'
  /** A command of the same sender overtook it. */
  | 'overtaken'
  /** It is lost, the faults explain that, and nobody said so. */
  | 'untold'
  /** A loss was said, and there was no reason. */
  | 'told-in-vain'
  /** A client was closed by its instance. */
  | 'disconnected';

export interface LiveViolation {
  readonly kind: LiveViolationKind;
  /** The name of the target; empty where it is about none. */
  readonly target: string;
  /** The reader with its instance, or the pair of instances. */
  readonly who: string;
  readonly detail: string;
}
