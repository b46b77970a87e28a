import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('@nestjs/core/package.json');

// For the few tests where one major of Nest does what another does not.
process.env.NEST_MAJOR ??= version.split('.')[0];

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testRegex: ['/test/.*\\.spec\\.ts$'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/nest-11/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  testTimeout: 30_000,
  // Many tests wait for Redis and for clocks: a third at once would make the waiting unreliable on
  // two cores.
  maxWorkers: 2,
  maxConcurrency: 3,
  testSequencer: '<rootDir>/test/support/slow-first.mjs',
  // The ES modules that a test file has imported stay in its worker's memory. In a large heap,
  // tests that measure memory take minutes.
  workerIdleMemoryLimit: '600MB',

  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^nestjs-redis-backplane$': '<rootDir>/lib/index.ts',
  },
  transform: { '^.+\\.ts$': ['@swc/jest'] },

  collectCoverageFrom: ['lib/**/*.ts'],
  coverageProvider: 'v8',

  // .ci/run adds the totals of its runs up.
  reporters: ['default', ...(process.env.TOTALS_FILE ? ['<rootDir>/.ci/totals-reporter.mjs'] : [])],
};
