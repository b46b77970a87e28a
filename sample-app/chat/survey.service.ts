import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { Backplane } from 'nestjs-redis-backplane';
import type { BackplaneHub } from 'nestjs-redis-backplane';
import { INSTANCE } from '../instance/instance.js';
import type { Instance } from '../instance/instance.js';
import type { ChatData, ChatUser, Roster, ServerEvents, Tally } from './chat.events.js';
import { CHAT_PATH, originOf } from './origin.js';

const POLL_SECONDS = 20;

/** Asks all workers who is here, and all clients what they think. */
@Injectable()
export class SurveyService {
  private readonly logger = new Logger(SurveyService.name);
  private readonly everyone: BackplaneHub<ServerEvents>;

  constructor(
    backplane: Backplane,
    @Inject(INSTANCE) private readonly instance: Instance,
  ) {
    this.everyone = backplane.hub<ServerEvents>(CHAT_PATH);
  }

  async whoIsHere(): Promise<Roster> {
    const sockets = await this.everyone.fetchSockets();
    const people = new Map<string, Roster['people'][number]>();
    for (const socket of sockets) {
      const { user, from } = socket.data as Partial<ChatData>;
      if (!user || !from) continue;
      const key = `${user.id} ${socket.instanceId}`;
      const person = people.get(key);
      if (person) person.tabs++;
      else people.set(key, { user, from, tabs: 1 });
    }
    return {
      total: sockets.length,
      people: [...people.values()],
      missing: sockets.missing.length,
    };
  }

  /** Begins a poll; everyone sees each answer being counted. */
  begin(text: string, user: ChatUser): { id: string } {
    const id = randomUUID();
    this.run(id, text, user).catch((error: Error) =>
      this.logger.warn(`A poll failed: ${error.message}`),
    );
    return { id };
  }

  private async run(id: string, text: string, user: ChatUser): Promise<void> {
    const tally: Tally = { id, text, yes: 0, no: 0 };
    const question = { id, text, user, from: originOf(this.instance), seconds: POLL_SECONDS };
    const { missing } = await this.everyone
      .timeout(POLL_SECONDS * 1_000)
      .emitWithAck('poll', question, {
        onAnswer: ({ data }) => {
          if (data === true) tally.yes++;
          else if (data === false) tally.no++;
          this.everyone.emit('tally', tally);
        },
      });
    this.everyone.emit('tally', { ...tally, missing: missing.length });
  }
}
