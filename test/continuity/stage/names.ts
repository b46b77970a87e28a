/** Of the hub that all members of a stage are in. */
export const HUB = '/continuity';

/** The event under which the checker's messages travel. */
export const MESSAGE_EVENT = 'message';

export const STREAM_PREFIX = 'log:';
export const META_PREFIX = 'top:';

/** The channel of a room, by which its keys are named. */
export function channelOf(eventKey: string, room: string): string {
  return `{${eventKey}}:room:${HUB}:${room}`;
}

/** The room that a channel is of; undefined for channels of another kind. */
export function roomOf(channel: string): string | undefined {
  const mark = `:room:${HUB}:`;
  const at = channel.indexOf(mark);
  return at < 0 ? undefined : channel.slice(at + mark.length);
}
