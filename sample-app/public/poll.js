import { byId, el, onSubmit } from './dom.js';

/** One question to everyone: put here, answered here, and counted live. */
export class Poll {
  #connection;
  #question = byId('poll-question');
  #tally = byId('poll-tally');
  #shown;

  constructor(connection) {
    this.#connection = connection;
    onSubmit(byId('ask'), async () => {
      const field = byId('poll-text');
      const text = field.value.trim();
      if (text === '') return;
      try {
        await connection.request('ask-everyone', { text });
        field.value = '';
      } catch (error) {
        this.#tally.textContent = error.message;
      }
    });
  }

  /** Somebody asks. */
  asked({ id, text, user }, answerId) {
    this.#shown = id;
    this.#tally.textContent = '';
    const answer = (label, data) => {
      const button = el('button', { type: 'button' }, label);
      button.addEventListener('click', () => {
        this.#connection.answer(answerId, data);
        this.#question.replaceChildren(`${user.name}: ${text} You said ${label.toLowerCase()}.`);
      });
      return button;
    };
    this.#question.replaceChildren(
      `${user.name} asks: ${text} `,
      answer('Yes', true),
      ' ',
      answer('No', false),
    );
  }

  counted({ id, text, yes, no, missing }) {
    if (this.#shown !== undefined && this.#shown !== id) return;
    const ended = missing !== undefined;
    const rest = ended ? `, ${missing} did not answer. The poll has ended.` : ' so far';
    this.#tally.textContent = `${yes} yes, ${no} no${rest}`;
    if (!ended) return;
    this.#shown = undefined;
    this.#question.textContent = text;
  }
}
