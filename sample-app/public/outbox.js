import { ConnectionLost } from './connection.js';
import { byId } from './dom.js';
import { failedEntry, waitingEntry } from './entries.js';

/** What is back sooner is not shown as waiting. */
const SHOWN_AFTER_MS = 400;
/**
 * The server knows ids for five minutes. What was tried longer ago might be said twice: that is for
 * a person to decide.
 */
const RESENT_FOR_MS = 4 * 60_000;

/**
 * What this tab has said, until it comes back from its history. Meanwhile it is shown as waiting;
 * after a lost connection it is sent again, under its id, so that it is not said twice.
 */
export class Outbox {
  #connection;
  #canSend;
  #list = byId('outbox');
  #note = byId('outbox-note');
  #messages = new Map();
  #talk;
  #waitsFor = 'the connection';

  /** @param canSend whether the server takes messages for a conversation now */
  constructor(connection, canSend) {
    this.#connection = connection;
    this.#canSend = canSend;
  }

  say(talk, text) {
    const saidAt = performance.now();
    const message = { id: newId(), talk, text, saidAt, isUnderWay: false };
    this.#messages.set(message.id, message);
    setTimeout(() => this.#showWaiting(message), SHOWN_AFTER_MS);
    void this.#send(message);
  }

  /** The server takes messages for the conversation, perhaps another server than before. */
  resume(talk) {
    for (const message of this.#messages.values()) {
      if (message.talk === talk && !message.hasFailed) void this.#send(message);
    }
  }

  /** How long ago this tab said it; undefined if it has not, or has it back. */
  ageOf(id) {
    const message = this.#messages.get(id);
    return message && performance.now() - message.saidAt;
  }

  /** It has come back: it is where everyone has it. */
  arrived(id) {
    const message = this.#messages.get(id);
    if (!message) return;
    this.#messages.delete(id);
    message.entry?.remove();
    this.#update();
  }

  forget(talk) {
    for (const message of this.#messages.values())
      if (message.talk === talk) this.arrived(message.id);
  }

  /** Which conversation is on the screen. */
  show(talk) {
    this.#talk = talk;
    this.#update();
  }

  waitFor(what) {
    this.#waitsFor = what;
    this.#update();
  }

  async #send(message) {
    const { id, talk, text } = message;
    if (message.isUnderWay || !this.#canSend(talk)) return;
    message.firstSentAt ??= Date.now();
    if (Date.now() - message.firstSentAt > RESENT_FOR_MS)
      return this.#fail(message, 'It may have been said, a while ago.');
    message.isUnderWay = true;
    try {
      const [event, to] = talk.kind === 'room' ? ['say', 'room'] : ['whisper', 'to'];
      const data = { id, [to]: talk.name, text };
      const { duplicate } = await this.#connection.request(event, data, { timeoutMs: Infinity });
      // It had been said before; what has come since did not hold it, so that is long ago.
      if (duplicate) this.arrived(id);
    } catch (error) {
      message.isUnderWay = false;
      if (!(error instanceof ConnectionLost)) this.#fail(message, error.message);
    }
  }

  #sendAgain(message) {
    message.hasFailed = false;
    message.firstSentAt = undefined;
    this.#showWaiting(message);
    void this.#send(message);
    byId('message').focus();
  }

  #showWaiting(message) {
    if (this.#messages.has(message.id) && !message.hasFailed)
      this.#showAs(message, waitingEntry(message));
  }

  #fail(message, reason) {
    message.hasFailed = true;
    const entry = failedEntry(message, {
      reason,
      onSendAgain: () => this.#sendAgain(message),
      onDiscard: () => {
        this.arrived(message.id);
        byId('message').focus();
      },
    });
    this.#showAs(message, entry);
  }

  #showAs(message, entry) {
    if (message.entry) message.entry.replaceWith(entry);
    else this.#list.append(entry);
    message.entry = entry;
    this.#update();
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #update() {
    const shown = [...this.#messages.values()].filter(({ entry }) => entry);
    for (const { entry, talk } of shown) entry.hidden = talk !== this.#talk;
    const here = shown.filter(({ talk }) => talk === this.#talk);
    this.#list.hidden = here.length === 0;
    for (const state of this.#list.querySelectorAll('.waits'))
      state.textContent = `waiting for ${this.#waitsFor}`;
    this.#tell(here);
  }

  /** In words, and once for each change: the list itself is not read out. */
  #tell(here) {
    const failed = here.filter(({ hasFailed }) => hasFailed).length;
    const waiting = here.length - failed;
    const parts = [];
    if (waiting > 0) parts.push(waitingWords(waiting, this.#waitsFor));
    if (failed > 0) parts.push(`${failed} could not be sent.`);
    const words = parts.join(' ');
    if (this.#note.textContent !== words) this.#note.textContent = words;
  }
}

function waitingWords(number, what) {
  const messages = number === 1 ? '1 message waits' : `${number} messages wait`;
  const they = number === 1 ? 'It is' : 'They are';
  return `${messages} for ${what}. ${they} sent as soon as it is back.`;
}

/** `crypto.randomUUID` is only there for pages that came over TLS or from this machine. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
