import { Test } from '@nestjs/testing';
import { Backplane, BackplaneConfigError, RedisBackplaneModule } from 'nestjs-redis-backplane';
import { ChatGateway } from './chat.gateway';

describe('ChatGateway', () => {
  it('is served', async () => {
    const module = await Test.createTestingModule({
      imports: [RedisBackplaneModule.forRoot({ redis: 'memory' })],
      providers: [ChatGateway],
    }).compile();
    const app = module.createNestApplication();
    await app.init();
    expect(await app.get(ChatGateway).server.count()).toBe(0);
    expect(app.get(Backplane).status).toBe('ready');
    await app.close();
  });

  it('is not served with wrong options', async () => {
    const module = Test.createTestingModule({
      imports: [RedisBackplaneModule.forRoot({ maxDepth: 0 })],
    });
    await expect(module.compile()).rejects.toBeInstanceOf(BackplaneConfigError);
  });
});
