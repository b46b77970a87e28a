import { createRequire } from 'node:module';
import base from '../../jest.config.mjs';

const { version } = createRequire(import.meta.url)('@nestjs/core/package.json');

process.env.NEST_MAJOR = version.split('.')[0];

/** @type {import('jest').Config} */
export default {
  ...base,
  rootDir: '../..',
  resolver: '<rootDir>/test/nest-11/resolver.cjs',
  // Of the transport, the conformance suite: it has ioredis 5 beneath it here.
  testRegex: [
    '/test/(nest-11|module|adapter|integration|parity)/.*\\.spec\\.ts$',
    '/test/transport/redis\\.spec\\.ts$',
  ],
  testPathIgnorePatterns: ['/node_modules/'],
};
