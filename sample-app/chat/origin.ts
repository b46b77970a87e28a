import type { Instance } from '../instance/instance.js';
import type { Origin } from './chat.events.js';

export const CHAT_PATH = '/chat';

export function originOf({ name, number, pid }: Instance): Origin {
  return { name, number, pid };
}
