import { WsAdapter } from '@nestjs/platform-ws';
import type { Target, TestableAdapter } from './target.js';

/** The `WsAdapter` of Nest. */
export const stock: Target = {
  name: 'stock',
  imports: () => [],
  installsItself: false,
  createAdapter: (app, { messageParser, httpServer }) =>
    new WsAdapter(httpServer ?? app, {
      messageParser: messageParser as never,
    }) as unknown as TestableAdapter,
};
