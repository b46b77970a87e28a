import { byId } from './dom.js';

const NOTES = {
  open: 'For half a minute at most. Write, and post an announcement: this instance shows it at once, the others when Redis goes on, in order.',
  paused: 'Redis is paused. What is sent now waits in the memory of its instance.',
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

  show(state) {
    this.#state = state;
    byId('redis-part').hidden = state === 'none';
    this.#button.textContent = state === 'paused' ? 'Resume Redis' : 'Pause Redis';
    byId('redis-note').textContent = NOTES[state] ?? '';
  }
}
