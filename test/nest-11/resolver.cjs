/**
 * A resolver for jest: whoever asks for a package of test/nest-11/package.json, or for anything of Nest, gets the copy in
 * test/nest-11/node_modules. So lib/ and the suites run unchanged on Nest 11, and nothing is there twice.
 */
const path = require('node:path');
const { dependencies } = require('./package.json');

const packages = new Set(Object.keys(dependencies));
const home = path.join(__dirname, 'node_modules');

module.exports = (request, options) => {
  const name = packageName(request);
  if (!name || !(packages.has(name) || name.startsWith('@nestjs/'))) {
    return options.defaultResolver(request, options);
  }
  const file = options.defaultResolver(request, { ...options, basedir: __dirname });
  if (!file.startsWith(home)) {
    throw new Error(
      `'${request}' is not in test/nest-11: name its package in test/nest-11/package.json.`,
    );
  }
  return file;
};

/** The package of a bare specifier: 'rxjs' of 'rxjs/operators'. */
function packageName(request) {
  return /^(?:@[^/]+\/)?[^/.@][^/]*/.exec(request)?.[0];
}
