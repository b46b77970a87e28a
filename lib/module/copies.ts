import { Logger, type Type } from '@nestjs/common';

/** A copy of this package: the ES module, the CommonJS one, or a part of a bundle. */
interface Copy {
  readonly file: string;
  readonly backplane: Type;
}

interface Copies {
  readonly all: Copy[];
  isLogged: boolean;
}

const FILE_IN_FRAME = /(?:\(|at )((?:file:\/\/|[A-Za-z]:\\|\/).+?):\d+:\d+\)?$/m;

const copies = shared<Copies>('copies', () => ({ all: [], isLogged: false }));

/**
 * State that all copies of this package in the process share.
 * @param name never changes: another copy may be of another version
 */
export function shared<T>(name: string, make: () => T): T {
  const holder = globalThis as unknown as Record<symbol, T | undefined>;
  return (holder[Symbol.for(`nestjs-redis-backplane:${name}`)] ??= make());
}

/** Called once by each copy. */
export function registerCopy(backplane: Type): void {
  copies.all.push({ file: callerOf(registerCopy), backplane });
}

/** The same class of the other copies that are loaded by now. Says once that there are several. */
export function classesOfOtherCopies(backplane: Type): Type[] {
  const others = copies.all.filter((copy) => copy.backplane !== backplane);
  if (others.length > 0 && !copies.isLogged) {
    copies.isLogged = true;
    new Logger('RedisBackplaneModule').warn(
      `This process has loaded nestjs-redis-backplane more than once: ${copies.all.map(({ file }) => file).join(' and ')}. ` +
        'The copies work together. To load it once, import it in the same way everywhere, and leave it out of bundles.',
    );
  }
  return others.map((other) => other.backplane);
}

/**
 * The file that called the function. Neither ES modules nor CommonJS have another way that the
 * other has, too.
 */
function callerOf(called: (...args: never[]) => unknown): string {
  const trace: { stack?: string } = {};
  Error.captureStackTrace(trace, called);
  return FILE_IN_FRAME.exec(trace.stack ?? '')?.[1] ?? 'an unknown file';
}
