import { BackplaneUnavailableError } from 'nestjs-redis-backplane';
import type { HistoryOf } from 'nestjs-redis-backplane';
import type { ChatServer, Past } from './chat.events.js';

const SHOWN = 50;

/** The newest messages of a history; null while Redis is away. */
export async function pastOf<Message>(
  server: ChatServer,
  of: HistoryOf,
): Promise<Past<Message> | null> {
  try {
    const { entries, more } = await server.history(of, { limit: SHOWN, reverse: true });
    return { messages: entries.map(({ data }) => data as Message).toReversed(), more };
  } catch (error) {
    if (error instanceof BackplaneUnavailableError) return null;
    throw error;
  }
}
