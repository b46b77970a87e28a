// `node --import` this file, and TypeScript runs.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
