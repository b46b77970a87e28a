import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { Backplane } from 'nestjs-redis-backplane';
import type { Audience } from 'nestjs-redis-backplane';
import { INSTANCE } from '../instance/instance.js';
import type { Instance } from '../instance/instance.js';
import type { Origin, ServerEvents } from './chat.events.js';
import { CHAT_PATH, originOf } from './origin.js';

const INTERVAL_MS = 2_000;

/**
 * Tells every client which instances there are: a provider that broadcasts without a gateway,
 * through the injected backplane.
 */
@Injectable()
export class PulseService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly everyone: Audience<ServerEvents>;
  private readonly from: Origin;
  private count = () => 0;
  private timer?: NodeJS.Timeout;
  private offStatus?: () => void;

  constructor(
    private readonly backplane: Backplane,
    @Inject(INSTANCE) instance: Instance,
  ) {
    this.everyone = backplane.hub<ServerEvents>(CHAT_PATH);
    this.from = originOf(instance);
  }

  onApplicationBootstrap(): void {
    this.offStatus = this.backplane.on('status', (status) => {
      this.everyone.local.emit('backplane', { status });
    });
    this.timer = setInterval(() => this.beat(), INTERVAL_MS);
    this.beat();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.offStatus?.();
    this.everyone.emit('leaving', { from: this.from });
  }

  /** Who knows how many clients this instance has. */
  countWith(count: () => number): void {
    this.count = count;
  }

  beat(): void {
    // Who has said goodbye is silent, though its clients still go.
    if (this.timer) this.everyone.emit('pulse', { from: this.from, connections: this.count() });
  }
}
