/**
 * The walls of the house (docs/architecture.md): module -> adapter -> cluster -> hub, and nothing looks up.
 * `scripts/lint-layers.mjs` holds lib/ against these rules, and each rule against an import that it must refuse.
 */

const TRANSPORT_PORT =
  '^lib/transport/(transport|logs|log-entry|log-epoch|log-names|ticket|waits)\\.ts$';
const NEST = '(^|node_modules/)@nestjs/';
const IOREDIS = '(^|node_modules/)ioredis(/|$)';
const WS = '(^|node_modules/)ws(/|$)';

/** A room of lib/, and what else of lib/ it may know. */
const room = (name, path, mayKnow, comment) => ({
  name: `${name}-looks-down-only`,
  severity: 'error',
  comment,
  from: { path },
  to: { path: '^lib/', pathNot: [path, '^lib/(errors|timing)/', ...mayKnow] },
});

const refuse = (name, from, to, comment) => ({ name, severity: 'error', comment, from, to });

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    room('errors', '^lib/errors/', [], 'Errors are known by everyone, so they know no one.'),
    room('timing', '^lib/timing/', [], 'Time is known by everyone, so it knows no one.'),
    room(
      'hub',
      '^lib/hub/',
      [],
      "A hub is one instance's sockets and rooms: neither cluster nor transport.",
    ),
    room(
      'transport-port',
      TRANSPORT_PORT,
      [],
      'The port says bytes and channels, and imports no maker.',
    ),
    room(
      'transport-redis',
      '^lib/transport/redis/',
      [TRANSPORT_PORT],
      'A maker knows the port only.',
    ),
    room(
      'transport-memory',
      '^lib/transport/memory/',
      [TRANSPORT_PORT],
      'A maker knows the port only.',
    ),
    room(
      'cluster',
      '^lib/cluster/',
      ['^lib/hub/', TRANSPORT_PORT],
      'The cluster sees the transport through its port.',
    ),
    room(
      'adapter',
      '^lib/adapter/',
      ['^lib/cluster/', '^lib/hub/'],
      'The adapter leaves Redis to the cluster.',
    ),
    refuse(
      'a-new-room-needs-a-rule',
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
      'Say above what this room may know.',
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
      'Only the Redis maker, and the module that is given its options, know ioredis.',
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
    refuse('no-cycle', { path: '^lib/' }, { circular: true }, 'A cycle has no floor.'),
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
