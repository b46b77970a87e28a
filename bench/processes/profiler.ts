import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

let session: Session | undefined;

/**
 * From now on, until {@link stopProfile}: so that a profile holds the measured work, and neither
 * boot nor joins.
 */
export async function startProfile(): Promise<void> {
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 500 });
  await session.post('Profiler.start');
}

export async function stopProfile(file: string): Promise<void> {
  const { profile } = await session!.post('Profiler.stop');
  session!.disconnect();
  writeFileSync(file, JSON.stringify(profile));
}
