/** Immediates run in the order in which they were asked for, those of all transports. */
export function inTurn<T>(act: () => T): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(act());
      } catch (error) {
        reject(error);
      }
    });
  });
}
