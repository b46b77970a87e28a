import { describe, expect, it } from '@jest/globals';
import { Injectable, Module, type Type } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { Backplane, InjectBackplane, RedisBackplaneModule } from 'nestjs-redis-backplane';
import { bootApp } from '../support/nest-app.js';

@WebSocketGateway({ path: '/chat' })
class Chat {}

@Injectable()
class Orders {
  constructor(readonly backplane: Backplane) {}
}

@Injectable()
class Named {
  constructor(@InjectBackplane('other') readonly backplane: Backplane) {}
}

@Module({ imports: [RedisBackplaneModule], providers: [Orders], exports: [Orders] })
class OrdersModule {}

// In a file of its own: elsewhere this process has called forRoot.
describe('the class of the module, without forRoot', () => {
  const shapes: [what: string, imports: Type[], providers: Type[]][] = [
    ['alone', [RedisBackplaneModule], []],
    ['with a gateway', [RedisBackplaneModule], [Chat]],
    ['with a service', [RedisBackplaneModule], [Orders]],
    ['with a gateway and services', [RedisBackplaneModule], [Chat, Orders, Named]],
    ['in a feature module', [OrdersModule], []],
  ];

  it.each(shapes)(
    '%s, fails the boot with the call that is missing',
    async (_, imports, providers) => {
      await expect(bootApp({ imports, providers })).rejects.toMatchObject({
        name: 'BackplaneConfigError',
        message: expect.stringContaining('Write imports: [RedisBackplaneModule.forRoot('),
      });
    },
  );
});
