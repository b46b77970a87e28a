import { beforeEach, describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import { CorkedWrites } from '../../../lib/transport/redis/corked-writes.js';

/** Keeps what is written to it, one text a write. */
class Connection extends Writable {
  readonly writes: string[] = [];

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.writes.push(chunks.map(({ chunk }) => chunk.toString()).join(''));
    done();
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('One write a turn', () => {
  let writes: CorkedWrites;
  let connection: Connection;
  const send = (text: string, to = connection): void => {
    writes.hold(to);
    to.write(text);
  };

  beforeEach(() => {
    writes = new CorkedWrites();
    connection = new Connection();
  });

  it('takes all that a turn sends, and leaves at its end', async () => {
    for (const text of ['a', 'b']) send(text);
    await Promise.resolve();
    expect(connection.writes).toEqual([]);
    await nextTurn();
    expect(connection.writes).toEqual(['ab']);
    send('c');
    await nextTurn();
    expect(connection.writes).toEqual(['ab', 'c']);
  });

  it('leaves at once when it is released, and what the turn sends later leaves together', async () => {
    writes.release();
    send('a');
    writes.release();
    expect(connection.writes).toEqual(['a']);
    for (const text of ['b', 'c']) send(text);
    expect(connection.writes).toEqual(['a']);
    await nextTurn();
    expect(connection.writes).toEqual(['a', 'bc']);
    expect(connection.writableCorked).toBe(0);
  });

  it('lets go of a connection when there is another', async () => {
    const another = new Connection();
    send('a');
    send('b', another);
    expect(connection.writes).toEqual(['a']);
    await nextTurn();
    expect(another.writes).toEqual(['b']);
    expect([connection.writableCorked, another.writableCorked]).toEqual([0, 0]);
  });

  it('does nothing to a connection that has ended meanwhile', async () => {
    send('a');
    connection.destroy();
    writes.release();
    await nextTurn();
    expect(connection.writes).toEqual([]);
  });
});
