import { describe, expect, test } from '@jest/globals';
import { MAX_WORKERS, parseOptions, UsageError } from '../../sample-app/workers/options.js';

describe('the options of the demo', () => {
  test('four workers behind port 3000, or the next one', () => {
    expect(parseOptions([], {})).toMatchObject({
      workers: 4,
      port: 3000,
      portIsAsked: false,
      host: '127.0.0.1',
      smoke: false,
    });
  });

  test('the smoke run takes any free port', () => {
    expect(parseOptions(['--smoke'], {})).toMatchObject({ smoke: true, port: 0 });
    expect(parseOptions(['--smoke', '--port', '81'], {})).toMatchObject({ port: 81 });
  });

  test('a port that was named, by the option or by PORT, is the only one', () => {
    expect(parseOptions(['--port', '3001'], {})).toMatchObject({ port: 3001, portIsAsked: true });
    expect(parseOptions([], { PORT: '3002' })).toMatchObject({ port: 3002, portIsAsked: true });
    expect(parseOptions(['-p', '3003'], { PORT: '3002' })).toMatchObject({ port: 3003 });
    expect(parseOptions([], { PORT: '' })).toMatchObject({ port: 3000, portIsAsked: false });
  });

  test.each(['0', '-1', '1.5', 'ten', '', '1e1', '0x4', String(MAX_WORKERS + 1)])(
    '"--workers=%s" is refused with the range',
    (workers) => {
      const parse = () => parseOptions([`--workers=${workers}`], {});
      expect(parse).toThrow(UsageError);
      expect(parse).toThrow(`--workers must be a whole number from 1 to ${MAX_WORKERS}`);
    },
  );

  test.each([
    [['--port', '65536'], {}, '--port must be a whole number from 0 to 65535'],
    [[], { PORT: 'http' }, 'PORT must be a whole number'],
    [['--wokers', '3'], {}, '--wokers'],
    [['3'], {}, '3'],
  ])('%j with %j is refused', (argv, env, message) => {
    expect(() => parseOptions(argv, env)).toThrow(UsageError);
    expect(() => parseOptions(argv, env)).toThrow(message);
  });
});
