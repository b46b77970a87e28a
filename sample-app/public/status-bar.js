import { byId } from './dom.js';

/** Says how the connection is: in words, for everyone. */
export class StatusBar {
  #state = byId('state');
  #countdown = byId('countdown');
  #retry = byId('retry');
  #degraded = byId('degraded');
  #timer;
  #instance;

  constructor(onRetry) {
    this.#retry.addEventListener('click', onRetry);
  }

  connecting(attempt) {
    this.#show('connecting', attempt ? `Reconnecting, attempt ${attempt}…` : 'Connecting…');
  }

  connected(instance) {
    this.#instance = instance;
    this.#show('connected', `Connected to ${instance.name}`);
  }

  waiting({ attempt, delayMs, code }) {
    this.#show('waiting', `${reasonOf(code, this.#instance)} Reconnecting, attempt ${attempt}`);
    this.#degraded.hidden = true;
    this.#retry.hidden = false;
    const due = performance.now() + delayMs;
    const tick = () => {
      const seconds = Math.max(0, due - performance.now()) / 1_000;
      this.#countdown.textContent = `in ${seconds.toFixed(1)} s`;
    };
    tick();
    this.#timer = setInterval(tick, 100);
  }

  /** The state of the serving instance's backplane. */
  backplane(status) {
    const isReady = status === 'ready';
    this.#degraded.hidden = isReady;
    if (this.#instance) {
      const word = isReady ? '' : `, backplane ${status}`;
      this.#show(isReady ? 'connected' : 'degraded', `Connected to ${this.#instance.name}${word}`);
    }
    this.#degraded.textContent = isReady
      ? ''
      : `${this.#instance?.name ?? 'The instance'} cannot reach Redis. What you write waits, and everyone ` +
        'gets it, in one order, as soon as Redis is back.';
  }

  #show(state, text) {
    clearInterval(this.#timer);
    this.#countdown.textContent = '';
    this.#retry.hidden = true;
    this.#state.dataset.state = state;
    if (this.#state.textContent !== text) this.#state.textContent = text;
  }
}

function reasonOf(code, instance) {
  const name = instance?.name ?? 'The instance';
  if (code === 1001 || code === 1012) return `${name} went away.`;
  if (code === 1013) return 'Too busy right now.';
  return 'The connection was lost.';
}
