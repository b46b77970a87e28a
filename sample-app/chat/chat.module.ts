import { Module } from '@nestjs/common';
import { InstanceModule } from '../instance/instance.module.js';
import { AnnounceController } from './announce.controller.js';
import { ChatGateway } from './chat.gateway.js';
import { PulseService } from './pulse.service.js';
import { RedisSwitch } from './redis-switch.js';
import { SurveyService } from './survey.service.js';

@Module({
  imports: [InstanceModule],
  controllers: [AnnounceController],
  providers: [ChatGateway, PulseService, RedisSwitch, SurveyService],
})
export class ChatModule {}
