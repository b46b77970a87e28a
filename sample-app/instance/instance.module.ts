import { Module } from '@nestjs/common';
import { describeInstance, INSTANCE } from './instance.js';

@Module({
  providers: [{ provide: INSTANCE, useFactory: () => describeInstance(process.env) }],
  exports: [INSTANCE],
})
export class InstanceModule {}
