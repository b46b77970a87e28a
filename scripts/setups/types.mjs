import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { QUIETLY, run } from './shared.mjs';

const VERSIONS = ['5.6', '5.7', '5.8', '5.9', '6.0', '7.0'];

/** The ways in which a compiler finds a package. TypeScript 7 has no `node10` any more. */
const WAYS = [
  { moduleResolution: 'node10', module: 'commonjs', until: 6 },
  { moduleResolution: 'node16', module: 'node16' },
  { moduleResolution: 'nodenext', module: 'nodenext' },
  { moduleResolution: 'bundler', module: 'esnext' },
];

const CODE = `
import { Module } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { type BackplaneServer, BackplaneError, RedisBackplaneModule } from 'nestjs-redis-backplane';

@WebSocketGateway({ path: '/chat' })
export class ChatGateway {
  @WebSocketServer() server!: BackplaneServer<{ said: string }>;

  @SubscribeMessage('say')
  async say(text: string): Promise<void> {
    this.server.to('lobby').emit('said', text);
    // @ts-expect-error: there is no such event
    this.server.to('lobby').emit('sung', text);
    await this.server.to('lobby').publish('said', text, { id: undefined }).catch((error: unknown) => {
      if (!(error instanceof BackplaneError)) throw error;
    });
  }
}

@Module({
  imports: [RedisBackplaneModule.forRoot({ redis: process.env['REDIS_URL'], heartbeat: { timeoutMs: undefined } })],
  providers: [ChatGateway],
})
export class AppModule {}
`;

/**
 * Compiles a gateway by each version of TypeScript in each way, with all checks on. Answers with
 * what failed.
 */
export async function checkTypes(work, tarball, say) {
  const folder = join(work, 'types');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const compilers = VERSIONS.map((version) => `typescript-${version}@npm:typescript@~${version}.0`);
  const nest = ['common', 'core', 'websockets'].map((name) => `@nestjs/${name}@11`);
  const others = ['ioredis', 'rxjs', 'reflect-metadata', '@types/node@22'];
  const args = ['install', ...QUIETLY, '--force'];
  await run('npm', [...args, tarball, ...nest, ...others, ...compilers], { cwd: folder });
  for (const file of ['user.ts', 'user.mts', 'user.cts']) writeFileSync(join(folder, file), CODE);
  const faults = [];
  for (const version of VERSIONS) {
    const failed = [];
    for (const way of WAYS) failed.push(...(await compile(folder, version, way)));
    say(`TypeScript ${version}: ${failed.length === 0 ? 'ok' : 'FAILED'}`);
    faults.push(...failed);
  }
  return faults;
}

async function compile(folder, version, { moduleResolution, module, until = Infinity }) {
  if (Number(version) >= until + 1) return [];
  const isNode = moduleResolution.startsWith('node') && moduleResolution !== 'node10';
  const options = {
    compilerOptions: {
      target: 'ES2022',
      module,
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      esModuleInterop: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      noEmit: true,
      types: ['node'],
      ...(version === '6.0' && moduleResolution === 'node10' && { ignoreDeprecations: '6.0' }),
    },
    files: isNode ? ['user.mts', 'user.cts'] : ['user.ts'],
  };
  const name = `tsconfig.${version}.${moduleResolution}.json`;
  writeFileSync(join(folder, name), JSON.stringify(options));
  const compiler = join('node_modules', `typescript-${version}`, 'bin/tsc');
  const args = [compiler, '-p', name, '--pretty', 'false'];
  const running = run(process.execPath, args, { cwd: folder, words: Infinity });
  const said = await running.catch(({ message }) => message);
  return faultsIn(said).map((line) => `TypeScript ${version}, ${moduleResolution}: ${line}`);
}

/**
 * The errors of the app and of this package: other packages have errors of their own. A compiler
 * that crashed is a fault.
 */
function faultsIn(said) {
  const lines = said.split('\n');
  if (/: exit code /.test(lines[0]) && !lines.some((line) => /error TS\d+/.test(line)))
    return [said.trim()];
  return lines.filter((line) =>
    /^(?:user\.|error |node_modules\/nestjs-redis-backplane)/.test(line),
  );
}
