import type { MessagePublisher } from '../common/publishing.js';
import type { UnreachedNames } from '../requests/unreached-names.js';

/** The same way out, with a look at the targets. */
export function watchedPublisher(
  hub: string,
  publisher: MessagePublisher,
  hints: Pick<UnreachedNames, 'look'>,
): MessagePublisher {
  return {
    emit: (target, modifiers, frame) => {
      hints.look(hub, target);
      publisher.emit(target, modifiers, frame);
    },
    publish: (target, modifiers, frame, publishing) => {
      hints.look(hub, target);
      return publisher.publish(target, modifiers, frame, publishing);
    },
  };
}
