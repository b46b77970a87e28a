import { runInThisContext } from 'node:vm';

/**
 * The process that runs the tests. Inside jest the global `process` is a copy on which
 * `exit`, `uncaughtException` and `unhandledRejection` never fire.
 */
export const realProcess = runInThisContext('process') as NodeJS.Process;
