import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeLogEntry } from '../../../lib/transport/log-entry.js';
import type { Message, Recorded } from '../verdict/recording.js';
import { META_PREFIX, roomOf, STREAM_PREFIX } from './names.js';
import { RespSplitter, stringsOf } from './resp-splitter.js';

/** Arguments that let a Redis write down all it does, before it answers, into the folder. */
export function recordingArguments(folder: string): string[] {
  const settings = {
    dir: folder,
    appendonly: 'yes',
    // What was written survives the process's end. A sync under way would delay the writing.
    appendfsync: 'no',
    // As commands, also where a replica writes down what it was given at first.
    'aof-use-rdb-preamble': 'no',
    'auto-aof-rewrite-percentage': '0',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

/** What the Redis of that folder has done to the logs so far, in order. */
export async function readAppendOnlyFile(folder: string): Promise<Recorded[]> {
  const files = join(folder, 'appendonlydir');
  const manifest = await readFile(join(files, 'appendonly.aof.manifest'), 'utf8');
  const recorded: Recorded[] = [];
  for (const [, name, type] of manifest.matchAll(/^file (\S+) seq \d+ type (\w)/gm)) {
    if (type === 'h') continue;
    const commands = new RespSplitter().push(await readFile(join(files, name!)));
    for (const command of commands) recorded.push(...recordedBy(stringsOf(command) ?? []));
  }
  return recorded;
}

function recordedBy([name = Buffer.alloc(0), ...args]: Buffer[]): Recorded[] {
  switch (name.toString('latin1').toLowerCase()) {
    case 'xadd':
      return appendedBy(args);
    case 'hset':
    case 'hmset':
      return epochIn(args);
    case 'del':
    case 'unlink':
      return args.flatMap((key) => deletedWith(key.toString()));
    default:
      return [];
  }
}

function appendedBy([key, ...rest]: Buffer[]): Recorded[] {
  const room = key && roomOfKey(STREAM_PREFIX, key.toString());
  const entry = decodeLogEntry(rest.at(-1) ?? Buffer.alloc(0));
  if (room === undefined || !entry) return [];
  const { epoch, offset, tag, bytes } = entry;
  const message = messageIn(bytes.toString());
  if (!message)
    throw new Error(`Entry ${offset} of "${room}" holds no message: ${bytes.toString()}`);
  return [
    { kind: 'append', room, epoch, offset, message, fingerprint: `${epoch} ${offset} ${tag}` },
  ];
}

function epochIn([key, ...fields]: Buffer[]): Recorded[] {
  const room = key && roomOfKey(META_PREFIX, key.toString());
  if (room === undefined) return [];
  const valueOf = (name: string): string | undefined => {
    const at = fields.findIndex((field, i) => i % 2 === 0 && field.toString('latin1') === name);
    return at < 0 ? undefined : fields[at + 1]?.toString('latin1');
  };
  const [epoch, offset] = [valueOf('e'), valueOf('s')];
  if (epoch === undefined) return [];
  return [{ kind: 'epoch', room, epoch, ...(offset === undefined ? {} : { offset: +offset }) }];
}

/** Messages are flat. */
function messageIn(text: string): Message | undefined {
  const [json] = /\{"uid":[^}]*\}/.exec(text) ?? [];
  return json ? (JSON.parse(json) as Message) : undefined;
}

function deletedWith(key: string): Recorded[] {
  const stream = roomOfKey(STREAM_PREFIX, key);
  if (stream !== undefined) return [{ kind: 'stream-deleted', room: stream }];
  const meta = roomOfKey(META_PREFIX, key);
  return meta === undefined ? [] : [{ kind: 'meta-deleted', room: meta }];
}

function roomOfKey(prefix: string, key: string): string | undefined {
  return key.startsWith(prefix) ? roomOf(key.slice(prefix.length)) : undefined;
}
