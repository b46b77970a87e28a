/** Everything in one file, but for what an app does not have: Nest asks for these packages, and goes on without them. */
const { IgnorePlugin } = require('webpack');

const OPTIONAL =
  /^(?:@nestjs\/microservices|@nestjs\/platform-socket\.io|class-validator|class-transformer|bufferutil|utf-8-validate)/;

module.exports = (options, webpack) => ({
  ...options,
  externals: [],
  plugins: [
    ...options.plugins,
    new (webpack?.IgnorePlugin ?? IgnorePlugin)({
      checkResource: (request) => OPTIONAL.test(request),
    }),
  ],
});
