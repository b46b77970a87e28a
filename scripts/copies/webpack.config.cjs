const path = require('node:path');
const { IgnorePlugin } = require('webpack');

/** Nest and ws ask for these packages, and go on without them. */
const OPTIONAL =
  /^(?:@nestjs\/microservices|@nestjs\/platform-socket\.io|class-validator|class-transformer|bufferutil|utf-8-validate)/;

module.exports = {
  mode: 'development',
  devtool: false,
  target: 'node',
  entry: path.join(__dirname, 'bundle.mjs'),
  output: { path: __dirname, filename: 'bundle.js', asyncChunks: false },
  // As bundlers do that do not know the condition `module-sync`. Those that know it make one copy of the two.
  resolve: {
    byDependency: {
      esm: { conditionNames: ['node', 'import', 'default'] },
      commonjs: { conditionNames: ['node', 'require', 'default'] },
    },
  },
  ignoreWarnings: [/./],
  plugins: [new IgnorePlugin({ checkResource: (request) => OPTIONAL.test(request) })],
};
