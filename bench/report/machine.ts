import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';

import { folder } from '../common/folders.js';

/** What the figures were taken on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly redis: string;
  /** Of the minute before the run: what else the machine had to do. */
  readonly loadBefore: number;
  readonly packages: Readonly<Record<string, string>>;
}

const PACKAGES = {
  '@nestjs/core': '',
  ws: '',
  ioredis: '',
  'socket.io': 'bench/peers/',
  '@socket.io/redis-adapter': 'bench/peers/',
  '@socket.io/redis-streams-adapter': 'bench/peers/',
};

export function machine(): Omit<Machine, 'redis' | 'loadBefore'> {
  const processors = cpus();
  const packages: Record<string, string> = { 'nestjs-redis-backplane': version('package.json')! };
  for (const [name, home] of Object.entries(PACKAGES)) {
    const found = version(`${home}node_modules/${name}/package.json`);
    if (found !== undefined) packages[name] = found;
  }
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    packages,
  };
}

function version(manifest: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(folder(manifest), 'utf8')) as { version: string }).version;
  } catch {
    return undefined;
  }
}
