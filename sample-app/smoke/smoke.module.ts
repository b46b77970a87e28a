import { Module } from '@nestjs/common';
import { InstanceModule } from '../instance/instance.module.js';
import { SmokeGateway } from './smoke.gateway.js';

@Module({ imports: [InstanceModule], providers: [SmokeGateway] })
export class SmokeModule {}
