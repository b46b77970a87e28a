/**
 * The set-ups that people have.
 *
 * template: which of Nest's templates, by the version of `@nestjs/schematics`; without one, the
 * version of this repository. type: `esm` or `cjs`, where the template has both. manager: the
 * package manager. build, start: in the place of the template's own. packages: what the set-up
 * needs besides. node: runs under this Node, not the one that is there. runs: the program that runs
 * the built app. signals: those that the app listens for, where it cannot listen for all. quick:
 * one of the three commonest, which `--quick` tries.
 */
export const SETUPS = [
  { name: 'Nest 11', template: '11.1.0', quick: true },
  { name: 'Nest 11, template of 11.0.0', template: '11.0.0' },
  { name: 'Nest 12, ES modules', type: 'esm', quick: true },
  // Its own tests need a Node whose Jest can require ES modules, as Nest 12 is: 24.9 or newer.
  { name: 'Nest 12, CommonJS', type: 'cjs', node: '24', quick: true },
  { name: 'Nest 11, webpack', template: '11.1.0', build: 'nest build --webpack' },
  {
    name: 'Nest 11, webpack, all in one bundle',
    template: '11.1.0',
    build: 'nest build --webpack --webpackPath bundle.config.cjs',
    files: ['bundle.config.cjs'],
  },
  {
    name: 'Nest 12, rspack',
    type: 'cjs',
    node: '24',
    build: 'nest build --builder rspack',
    packages: ['@rspack/core', 'tsconfig-paths-webpack-plugin', 'webpack-node-externals'],
  },
  {
    name: 'Nest 11, SWC',
    template: '11.1.0',
    build: 'nest build --builder swc',
    packages: ['@swc/cli', '@swc/core'],
  },
  { name: 'Nest 12, ES modules, pnpm', type: 'esm', manager: 'pnpm' },
  { name: 'Nest 11, pnpm', template: '11.1.0', manager: 'pnpm' },
  { name: 'Nest 11, yarn', template: '11.1.0', manager: 'yarn' },
  { name: 'Nest 12, ES modules, Bun', type: 'esm', packages: ['bun'], runs: 'bun' },
  {
    name: 'Nest 12, ES modules, Deno',
    type: 'esm',
    packages: ['deno'],
    runs: 'deno run -A --node-modules-dir=manual',
    signals: ['SIGTERM', 'SIGINT'],
  },
  { name: 'Nest 11, Node 22', template: '11.1.0', node: '22' },
  { name: 'Nest 11, Node 24', template: '11.1.0', node: '24' },
  { name: 'Nest 12, ES modules, Node 24', type: 'esm', node: '24' },
];

/**
 * Programs of the templates that no set-up needs: they would make each installation twice as long.
 */
export const LEFT_OUT =
  /^(?:eslint|@eslint\/|typescript-eslint|oxlint|prettier|globals$|@nestjs\/mau|@swc\/|@vitest\/coverage|source-map-support|supertest|@types\/supertest)/;
