import { Module } from '@nestjs/common';
import { ConditionalModule, ConfigModule, ConfigService } from '@nestjs/config';
import { RedisBackplaneModule } from 'nestjs-redis-backplane';
import { ChatModule } from './chat/chat.module.js';
import { backplaneConfig } from './config/backplane.config.js';
import { HealthController } from './http/health.controller.js';
import { InstanceModule } from './instance/instance.module.js';
import { SmokeModule } from './smoke/smoke.module.js';

@Module({
  imports: [
    ConfigModule.forRoot(),
    RedisBackplaneModule.forRootAsync({
      imports: [ConfigModule],
      inject: [ConfigService],
      useFactory: backplaneConfig,
    }),
    InstanceModule,
    ChatModule,
    ConditionalModule.registerWhen(SmokeModule, (env) => env.DEMO_SMOKE === '1', {
      debug: false,
    }),
  ],
  controllers: [HealthController],
})
export class AppModule {}
