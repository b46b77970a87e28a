import { randomUUID } from 'node:crypto';
import { Body, Controller, Inject, Post, ValidationPipe } from '@nestjs/common';
import { Backplane } from 'nestjs-redis-backplane';
import { INSTANCE } from '../instance/instance.js';
import type { Instance } from '../instance/instance.js';
import type { ServerEvents } from './chat.events.js';
import { Announcement } from './chat.messages.js';
import { CHAT_PATH, originOf } from './origin.js';

/** An announcement reaches everyone, whichever worker got the request. */
@Controller('announce')
export class AnnounceController {
  constructor(
    private readonly backplane: Backplane,
    @Inject(INSTANCE) private readonly instance: Instance,
  ) {}

  @Post()
  announce(@Body(new ValidationPipe({ whitelist: true })) { text }: Announcement): { by: string } {
    const from = originOf(this.instance);
    const everyone = this.backplane.hub<ServerEvents>(CHAT_PATH);
    everyone.emit('announced', { id: randomUUID(), at: Date.now(), from, text });
    return { by: this.instance.name };
  }
}
