/**
 * The layers of lib/ (docs/architecture.md): module, adapter, cluster, hub. No layer imports one
 * above it. `scripts/lint-layers.mjs` checks lib/ against these rules, and each rule against an
 * import that it must refuse.
 */

const TRANSPORT_PORT =
  '^lib/transport/(transport|logs|log-entry|log-epoch|random-ids|ticket|waits)\\.ts$';
const NEST = '(^|node_modules/)@nestjs/';
const IOREDIS = '(^|node_modules/)ioredis(/|$)';
const WS = '(^|node_modules/)ws(/|$)';

/**
 * Inside the cluster, from the lowest layer to the highest; the files beside the folders are above
 * them all.
 */
export const CLUSTER_LAYERS = [
  'common',
  'wire',
  'link',
  'membership',
  'local',
  'live',
  'requests',
  'broadcast',
  'history',
  'api',
];

/** Inside the adapter, likewise. */
export const ADAPTER_LAYERS = ['options', 'write', 'upgrade', 'client', 'dispatch'];

/** A layer of lib/, and what else of lib/ it may import. */
const layer = (name, path, mayKnow, comment) => ({
  name: `${name}-looks-down-only`,
  severity: 'error',
  comment,
  from: { path },
  to: { path: '^lib/', pathNot: [path, '^lib/(errors|timing)/', ...mayKnow] },
});

/** The rules of the layers inside a folder: each imports itself and those before it. */
const layersWithin = (folder, names) => [
  ...names.map((name, i) => ({
    name: `${folder}-${name}-looks-down-only`,
    severity: 'error',
    comment: `The layers of lib/${folder}: ${names.join(' < ')} < the files beside them.`,
    from: { path: `^lib/${folder}/${name}/` },
    to: {
      path: `^lib/${folder}/`,
      pathNot: `^lib/${folder}/(${names.slice(0, i + 1).join('|')})/`,
    },
  })),
  {
    name: `${folder}-has-these-layers-only`,
    severity: 'error',
    comment: `Give a new folder of lib/${folder} its place among the layers above.`,
    from: { path: `^lib/${folder}/[^/]+/`, pathNot: `^lib/${folder}/(${names.join('|')})/` },
    to: { path: '.' },
  },
];

const refuse = (name, from, to, comment) => ({ name, severity: 'error', comment, from, to });

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    layer('errors', '^lib/errors/', [], 'Errors are known by everyone, so they know no one.'),
    layer('timing', '^lib/timing/', [], 'Time is known by everyone, so it knows no one.'),
    layer(
      'hub',
      '^lib/hub/',
      [],
      "A hub is one instance's sockets and rooms: neither cluster nor transport.",
    ),
    layer(
      'transport-port',
      TRANSPORT_PORT,
      [],
      'The port knows bytes and channels, and imports no driver.',
    ),
    layer(
      'transport-redis',
      '^lib/transport/redis/',
      [TRANSPORT_PORT],
      'A driver knows the port only.',
    ),
    layer(
      'transport-memory',
      '^lib/transport/memory/',
      [TRANSPORT_PORT],
      'A driver knows the port only.',
    ),
    layer(
      'cluster',
      '^lib/cluster/',
      ['^lib/hub/', TRANSPORT_PORT],
      'The cluster sees the transport through its port.',
    ),
    layer(
      'adapter',
      '^lib/adapter/',
      ['^lib/cluster/', '^lib/hub/'],
      'The adapter leaves Redis to the cluster.',
    ),
    refuse(
      'a-new-layer-needs-a-rule',
      {
        path: '^lib/',
        pathNot: [
          '^lib/index\\.ts$',
          TRANSPORT_PORT,
          '^lib/transport/(redis|memory)/',
          '^lib/(module|adapter|cluster|hub|errors|timing)/',
        ],
      },
      { path: '.' },
      'Say above what this layer may import.',
    ),
    refuse(
      'index-is-a-door',
      { path: '^lib/' },
      { path: '^lib/index\\.ts$' },
      'index.ts is for users; inside, import the file itself.',
    ),
    refuse(
      'hub-knows-neither-nest-nor-redis',
      { path: '^lib/hub/' },
      { path: [NEST, IOREDIS] },
      'A hub is plain data and sockets.',
    ),
    refuse(
      'ioredis-stays-behind-the-port',
      { path: '^lib/', pathNot: ['^lib/transport/redis/', '^lib/module/'] },
      { path: IOREDIS },
      'Only the Redis driver, and the module that gets its options, import ioredis.',
    ),
    refuse(
      'transport-knows-no-sockets',
      { path: '^lib/transport/' },
      { path: WS },
      'A transport carries bytes.',
    ),
    refuse(
      'nest-by-its-roots',
      { path: '^lib/' },
      { path: `${NEST}[^/]+/`, pathNot: `${NEST}[^/]+/index\\.(d\\.ts|js)$` },
      "A subpath of a Nest package ('/internal', '/constants') is another thing in another major.",
    ),
    refuse(
      'lib-ships-alone',
      { path: '^lib/' },
      { path: '^(test|sample-app|scripts|bench|dist)/' },
      'What is published imports nothing that is not.',
    ),
    refuse(
      'no-dev-dependency-in-lib',
      { path: '^lib/' },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer', 'npm'] },
      'A user does not have it.',
    ),
    refuse(
      'no-unlisted-package',
      { path: '^lib/' },
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
      'It is not in package.json.',
    ),
    refuse(
      'nothing-unresolvable',
      { path: '^lib/' },
      { couldNotResolve: true },
      'There is no such module.',
    ),
    ...layersWithin('cluster', CLUSTER_LAYERS),
    ...layersWithin('adapter', ADAPTER_LAYERS),
    refuse(
      'no-cycle',
      { path: '^(lib|bench)/' },
      { circular: true },
      'A cycle has no lowest layer.',
    ),
    {
      ...refuse(
        'no-cycle-of-folders',
        { path: '^(lib|bench)(/|$)' },
        { circular: true },
        'Folders are layers, too: one of the two is below the other.',
      ),
      scope: 'folder',
    },
    refuse(
      'sample-is-a-user',
      { path: '^sample-app/' },
      { path: '^lib/', pathNot: '^lib/index\\.ts$' },
      'The sample imports the package by its name, as its users do.',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
      mainFields: ['types', 'main'],
    },
  },
};
