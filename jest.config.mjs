/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testRegex: ['test/.*\\.spec\\.ts$'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^nestjs-redis-backplane$': '<rootDir>/lib/index.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  collectCoverageFrom: ['lib/**/*.ts'],
  coverageProvider: 'v8',
};
