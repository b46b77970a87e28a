import { expect, it } from '@jest/globals';
import { AnswerStream } from '../../../lib/cluster/requests/answer-stream.js';
import { Gate } from '../../support/gate.js';

const PART_BYTES = 10;

/** Publishes of a stream, each taken when its gate is opened. */
function makeStream() {
  const gates: Gate[] = [];
  const stream = new AnswerStream({
    origin: '0123456789abcdef',
    to: 1,
    partBytes: PART_BYTES,
    publish: () => {
      const gate = new Gate();
      gates.push(gate);
      return gate.opened;
    },
  });
  return { stream, gates };
}

const large = 'x'.repeat(2 * PART_BYTES);
const microtasks = () => new Promise((resolve) => setImmediate(resolve));

it('small messages leave at once: what the instance says next comes behind them', () => {
  const { stream, gates } = makeStream();
  stream.send('one', false);
  stream.send('two', true);
  expect(gates).toHaveLength(2);
});

it('the parts of a large one leave one by one, and later messages behind them', async () => {
  const { stream, gates } = makeStream();
  stream.send(large, false);
  stream.send('two', true);
  for (const leaving of [1, 2, 3, 4]) {
    await microtasks();
    expect(gates).toHaveLength(leaving);
    gates.at(-1)!.open();
  }
  await microtasks();
  expect(gates).toHaveLength(4);
});

it('what does not leave ends the stream, and no promise is left', async () => {
  const { stream, gates } = makeStream();
  stream.send(large, false);
  stream.send('two', true);
  await microtasks();
  gates[0]!.fail(new Error('away'));
  await microtasks();
  expect(gates).toHaveLength(1);
});
