import { fileURLToPath } from 'node:url';

/**
 * The page's files have no build step: they are served from the sources, from dist/sample-app/http
 * as seen from here.
 */
export const pageFolder = fileURLToPath(new URL('../../../sample-app/public', import.meta.url));
