import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import { Backplane } from 'nestjs-redis-backplane';
import { INSTANCE } from '../instance/instance.js';
import type { Instance } from '../instance/instance.js';

/** Readiness for a load balancer: 200 while this instance hears the others, 503 otherwise. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly backplane: Backplane,
    @Inject(INSTANCE) private readonly instance: Instance,
  ) {}

  @Get()
  health(): { instance: string; backplane: string } {
    const state = { instance: this.instance.name, backplane: this.backplane.status };
    if (state.backplane !== 'ready') throw new ServiceUnavailableException(state);
    return state;
  }
}
