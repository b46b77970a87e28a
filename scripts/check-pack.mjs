/**
 * Packs the package and looks at it as its users get it: what is in it, what its manifest promises,
 * whether its types resolve, and whether a project that has installed it can import, require and
 * compile it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const work = join(root, 'dist/pack');
const user = join(work, 'user');
const installed = join(user, 'node_modules/nestjs-redis-backplane');

const IMPORT = `
  const { RedisBackplaneModule } = await import('nestjs-redis-backplane');
  if (typeof RedisBackplaneModule?.forRoot !== 'function') throw new Error('no RedisBackplaneModule.forRoot');
`;

const REQUIRE = `
  const { RedisBackplaneModule } = require('nestjs-redis-backplane');
  if (typeof RedisBackplaneModule?.forRoot !== 'function') throw new Error('no RedisBackplaneModule.forRoot');
`;

const CODE = `
import { Module } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { RedisBackplaneModule, type BackplaneServer } from 'nestjs-redis-backplane';

interface Events {
  said: string;
}

@WebSocketGateway({ path: '/chat' })
export class ChatGateway {
  @WebSocketServer() server!: BackplaneServer<Events>;

  @SubscribeMessage('say')
  say(@MessageBody() text: string): void {
    this.server.to('lobby').emit('said', text);
    // @ts-expect-error: there is no such event
    this.server.to('lobby').emit('sung', text);
  }
}

@Module({
  imports: [
    RedisBackplaneModule.forRoot({ redis: process.env['REDIS_URL'], eventKeys: ['chat'] }),
    RedisBackplaneModule.forRoot({ name: 'other', redis: { port: 6379, password: process.env['REDIS_PASSWORD'] } }),
  ],
  providers: [ChatGateway],
})
export class AppModule {}
`;

const tarball = pack();
const manifest = JSON.parse(read('package.json'));
const files = filesIn(installed);

const checks = {
  'holds what users need, and nothing else': contents,
  'imports only what its users have': imports,
  'keeps the promises of its manifest': () =>
    tool('publint/src/cli.js', 'run', tarball, '--strict'),
  'has types that resolve': () =>
    tool('@arethetypeswrong/cli/dist/index.js', tarball, '--no-emoji', '--no-color'),
  'can be imported': () => node('--input-type=module', '-e', IMPORT),
  'can be required': () => node('--input-type=commonjs', '-e', REQUIRE),
  'works together with another copy of itself': () =>
    node(join(root, 'scripts/copies/node.mjs'), join(installed, 'dist')),
  'compiles in an ES module and in CommonJS': compile,
};

for (const [claim, check] of Object.entries(checks)) {
  const faults = check();
  console.log(`${faults.length === 0 ? 'ok    ' : 'FAILED'} ${claim}`);
  for (const fault of faults) console.log(`       ${fault.replaceAll('\n', '\n       ')}`);
  if (faults.length > 0) process.exitCode = 1;
}

/** Packs as `npm publish` would, build included, and unpacks it where a user would have it. */
function pack() {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(installed, { recursive: true });
  must('npm', ['pack', '--loglevel=error', '--pack-destination', work]);
  const file = readdirSync(work).find((name) => name.endsWith('.tgz'));
  must('tar', ['-xzf', join(work, file), '-C', installed, '--strip-components=1']);
  writeFileSync(join(user, 'package.json'), '{ "name": "user", "private": true }\n');
  return join(work, file);
}

function contents() {
  const pages = readdirSync(join(root, 'docs')).filter((name) => /\.(md|svg)$/.test(name));
  const top = [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'package.json',
    ...pages.map((name) => `docs/${name}`),
  ];
  const entries = ['lib', 'cjs'].flatMap((build) => [
    `dist/${build}/index.js`,
    `dist/${build}/index.d.ts`,
  ]);
  const missing = [...top, 'dist/cjs/package.json', ...entries].filter(
    (file) => !files.includes(file),
  );
  const surplus = files.filter(
    (file) => ![...top, 'dist/cjs/package.json'].includes(file) && !hasSource(file),
  );
  return [
    ...missing.map((file) => `misses ${file}`),
    ...surplus.map((file) => `should not hold ${file}`),
  ];
}

/** Whether a file is what the compiler makes of one in lib/: an old build leaves others behind. */
function hasSource(file) {
  const source = /^dist\/(?:lib|cjs)\/(.+)\.(?:js|d\.ts)$/.exec(file)?.[1];
  return source !== undefined && existsSync(join(root, `lib/${source}.ts`));
}

/**
 * The packages that the code and its types name: each must come with ours, or be asked for; and so
 * must its types.
 */
function imports() {
  const provided = { ...manifest.dependencies, ...manifest.peerDependencies };
  const faults = new Set();
  for (const file of files.filter((name) => /\.(js|d\.ts)$/.test(name))) {
    for (const [, name] of read(file).matchAll(
      /(?<![.\w])(?:from|import|require)\s*\(?['"]((?:@[^/'"]+\/)?[^./'"][^/'"]*)/g,
    )) {
      if (isBuiltin(name)) continue;
      if (!provided[name])
        faults.add(`${file} imports ${name}, which is neither a dependency nor a peer`);
      else if (file.endsWith('.d.ts') && !hasTypes(name) && !provided[typesOf(name)]) {
        faults.add(`${file} needs the types of ${name}: ${typesOf(name)} is not a dependency`);
      }
    }
  }
  return [...faults];
}

function hasTypes(name) {
  const folder = join(root, 'node_modules', name);
  const { types } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return types !== undefined || existsSync(join(folder, 'index.d.ts'));
}

function typesOf(name) {
  return `@types/${name.replace(/^@/, '').replace('/', '__')}`;
}

function compile() {
  const sources = ['user.mts', 'user.cts'];
  for (const file of sources) writeFileSync(join(user, file), CODE);
  const options = {
    compilerOptions: {
      target: 'ES2023',
      module: 'nodenext',
      strict: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      noEmit: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      types: ['node'],
    },
    files: sources,
  };
  writeFileSync(join(user, 'tsconfig.json'), JSON.stringify(options));
  // Other packages' types have faults of their own; a fault of ours is named with our path, or the
  // user's.
  return tool('typescript7/bin/tsc', '-p', user, '--pretty', 'false')
    .flatMap((said) => said.split('\n'))
    .filter((line) => line.startsWith('error') || line.startsWith(relative(root, user)));
}

function tool(path, ...args) {
  return result(
    spawnSync(process.execPath, [join(root, 'node_modules', path), ...args], {
      cwd: root,
      encoding: 'utf8',
    }),
  );
}

function node(...args) {
  return result(spawnSync(process.execPath, args, { cwd: user, encoding: 'utf8' }));
}

function result({ status, stdout, stderr }) {
  return status === 0 ? [] : [`${stdout}${stderr}`.trim() || `exit code ${status}`];
}

function must(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed.`, { cause: error });
}

function read(file) {
  return readFileSync(join(installed, file), 'utf8');
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}
