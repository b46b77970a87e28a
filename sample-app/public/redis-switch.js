import { byId } from './dom.js';

const NOTES = {
  open: 'Pause it for half a minute at most, and send 1,000: this worker shows them at once, the others when Redis goes on.',
  paused: 'Redis is paused. What is sent now waits in the memory of its worker.',
};

/** Pauses the Redis of all instances, where the demo has started it, and lets it go on. */
export class RedisSwitch {
  #button = byId('redis-switch');
  #state = 'none';

  constructor(connection, onProblem) {
    this.#button.addEventListener('click', () => {
      const event = this.#state === 'paused' ? 'resume-redis' : 'pause-redis';
      connection.request(event).catch(onProblem);
    });
  }

  get isPaused() {
    return this.#state === 'paused';
  }

  show(state) {
    this.#state = state;
    this.#button.hidden = state === 'none';
    this.#button.textContent = state === 'paused' ? 'Resume Redis' : 'Pause Redis';
    byId('redis-note').textContent = NOTES[state] ?? '';
  }
}
