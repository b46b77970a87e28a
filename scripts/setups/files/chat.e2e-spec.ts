import { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { WebSocket } from 'ws';
import { AppModule } from './../src/app.module';

describe('Chat (e2e)', () => {
  let app: INestApplication;

  beforeEach(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
  });

  it('tells the room who joined', async () => {
    const { port } = app.getHttpServer().address();
    const client = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    await new Promise((resolve) => client.once('open', resolve));
    const message = new Promise<Buffer>((resolve) => client.once('message', resolve));
    client.send(JSON.stringify({ event: 'join', data: 'lobby' }));
    expect(JSON.parse((await message).toString()).event).toBe('joined');
    client.close();
  });

  afterEach(async () => {
    await app.close();
  });
});
