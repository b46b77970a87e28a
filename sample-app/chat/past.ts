import { BackplaneUnavailableError } from 'nestjs-redis-backplane';
import type { HistoryOptions, HistoryPage } from 'nestjs-redis-backplane';
import type { Past } from './chat.events.js';

const SHOWN = 50;

/** The newest messages of a history; null while Redis is away. */
export async function pastOf<Message>(
  read: (options: HistoryOptions) => Promise<HistoryPage>,
): Promise<Past<Message> | null> {
  try {
    const { entries, more } = await read({ limit: SHOWN, reverse: true });
    return { messages: entries.map(({ data }) => data as Message).toReversed(), more };
  } catch (error) {
    if (error instanceof BackplaneUnavailableError) return null;
    throw error;
  }
}
