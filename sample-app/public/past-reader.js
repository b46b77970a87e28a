import { ConnectionLost } from './connection.js';

/**
 * Enters rooms, and brings up to date what this tab shows of them and of its private conversations:
 * after it was away, or when messages were lost for it.
 */
export class PastReader {
  #connection;
  #talks;
  #openWhisper;
  #show;
  #onEntered;
  #onProblem;
  /** Rooms that the present connection is in. */
  #entered = new Set();
  #hasWhispers = false;

  /** @param show takes a conversation and the newest part of its history */
  constructor({ connection, talks, openWhisper, show, onEntered, onProblem }) {
    this.#connection = connection;
    this.#talks = talks;
    this.#openWhisper = openWhisper;
    this.#show = show;
    this.#onEntered = onEntered;
    this.#onProblem = onProblem;
  }

  /** Whether the server that the tab is connected to takes messages for the conversation. */
  isEntered(talk) {
    return talk.kind === 'room' ? this.#entered.has(talk) : this.#hasWhispers;
  }

  /** The connection is gone, and its rooms with it. */
  forget() {
    this.#entered.clear();
    this.#hasWhispers = false;
  }

  /** Resolves with the room's conversation; rejects with the server's reason why there is none. */
  async join(room) {
    const { past } = await this.#connection.request('join', { room });
    const talk = this.#talks.openRoom(room);
    this.#joined(talk, past);
    return talk;
  }

  leave(talk) {
    this.#entered.delete(talk);
    this.#connection.request('leave', { room: talk.name }).catch(() => {});
  }

  readAll() {
    for (const talk of this.#talks.of('room')) void this.readRoom(talk);
    void this.readWhispers();
  }

  /** Joins the room anew: who is in it already gets the history all the same. */
  readRoom(talk) {
    return this.#read('join', { room: talk.name }, (past) => this.#joined(talk, past));
  }

  readWhispers() {
    return this.#read('whispers', undefined, (past) => {
      this.#hasWhispers = true;
      if (past) this.#showWhispers(past);
      for (const talk of this.#talks.of('user')) this.#onEntered(talk);
    });
  }

  #joined(talk, past) {
    this.#entered.add(talk);
    if (past) this.#show(talk, past);
    this.#onEntered(talk);
  }

  async #read(event, data, done) {
    try {
      const { past } = await this.#connection.request(event, data);
      done(past);
    } catch (error) {
      // All is read again on the next connection.
      if (!(error instanceof ConnectionLost)) this.#onProblem(error);
    }
  }

  #showWhispers({ messages, more }) {
    const byTalk = Map.groupBy(messages, this.#openWhisper);
    for (const [talk, its] of byTalk) this.#show(talk, { messages: its, more });
  }
}
