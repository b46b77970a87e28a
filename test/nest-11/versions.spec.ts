import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';

const askers = {
  'the tests': createRequire(import.meta.url),
  'the library': createRequire(new URL('../../lib/index.ts', import.meta.url)),
};

describe('the Nest 11 matrix', () => {
  it('tells the tests the major', () => {
    expect(process.env.NEST_MAJOR).toBe('11');
  });

  describe.each(Object.entries(askers))('for %s', (_, require) => {
    it.each([
      ['@nestjs/common', /^11\./],
      ['@nestjs/core', /^11\./],
      ['@nestjs/platform-express', /^11\./],
      ['@nestjs/platform-fastify', /^11\./],
      ['@nestjs/platform-ws', /^11\./],
      ['@nestjs/testing', /^11\./],
      ['@nestjs/websockets', /^11\./],
      ['ioredis', /^5\./],
    ])('%s is %s', (name, version) => {
      expect(require(`${name}/package.json`).version).toMatch(version);
    });

    it.each([
      '@nestjs/common',
      '@nestjs/core',
      '@nestjs/websockets',
      'ioredis',
      'reflect-metadata',
      'rxjs',
    ])('has one copy of %s', (name) => {
      const path = require.resolve(name);
      expect(path).toContain('/test/nest-11/node_modules/');
      expect(askers['the tests'].resolve(name)).toBe(path);
    });
  });

  it('is what an import gets', async () => {
    const { NestFactory } = await import('@nestjs/core');
    const required = askers['the library']('@nestjs/core') as typeof import('@nestjs/core');
    expect(NestFactory).toBe(required.NestFactory);
  });
});
