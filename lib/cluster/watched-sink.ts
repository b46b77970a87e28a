import type { AudiencePublisher } from './audience.js';
import type { TargetHints } from './target-hints.js';

type WayOut = Pick<AudiencePublisher, 'emit' | 'publish'>;

/** The same way out, with a look at the targets. */
export function watchedSink(hub: string, sink: WayOut, hints: Pick<TargetHints, 'look'>): WayOut {
  return {
    emit: (target, modifiers, frame) => {
      hints.look(hub, target);
      sink.emit(target, modifiers, frame);
    },
    publish: (target, modifiers, frame, publishing) => {
      hints.look(hub, target);
      return sink.publish(target, modifiers, frame, publishing);
    },
  };
}
