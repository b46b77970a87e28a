import { byId, el } from './dom.js';

const MOST_ENTRIES = 500;

/**
 * The rooms one is in, and the people one talks to in private: each a conversation with a log. Fires `change` when another
 * one is shown.
 */
export class Conversations extends EventTarget {
  #list = byId('rooms');
  #logs = byId('logs');
  #all = new Map();
  #active;

  get active() {
    return this.#active;
  }

  get rooms() {
    return [...this.#all.values()].filter(({ kind }) => kind === 'room').map(({ name }) => name);
  }

  openRoom(room) {
    return this.#open({ key: `room:${room}`, kind: 'room', name: room, title: `# ${room}` });
  }

  openPrivate(user) {
    return this.#open({
      key: `user:${user.id}`,
      kind: 'user',
      name: user.id,
      title: `@ ${user.name}`,
    });
  }

  find(kind, name) {
    return this.#all.get(`${kind}:${name}`);
  }

  show(conversation) {
    this.#active = conversation;
    for (const each of this.#all.values()) {
      const isActive = each === conversation;
      each.log.hidden = !isActive;
      if (isActive) {
        each.unread = 0;
        each.button.setAttribute('aria-current', 'true');
      } else {
        each.button.removeAttribute('aria-current');
      }
      label(each);
    }
    if (conversation) toEnd(conversation.log);
    this.dispatchEvent(new Event('change'));
  }

  close(conversation) {
    this.#all.delete(conversation.key);
    conversation.log.remove();
    conversation.item.remove();
    this.show([...this.#all.values()].at(-1));
  }

  /** Adds an entry; one that is a message, not a notice, counts as unread where nobody looks. */
  add(conversation, entry, { counts = false } = {}) {
    const { log } = conversation;
    const wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    log.append(entry);
    if (log.childElementCount > MOST_ENTRIES) log.firstElementChild.remove();
    if (conversation === this.#active) {
      if (wasAtEnd) toEnd(log);
    } else if (counts) {
      conversation.unread++;
      label(conversation);
    }
  }

  /** Adds an entry, made anew for each, to every conversation. */
  addToAll(make) {
    for (const conversation of this.#all.values()) this.add(conversation, make());
  }

  #open(description) {
    const present = this.#all.get(description.key);
    if (present) return present;
    const button = el('button', { type: 'button' });
    const item = el('li', {}, button);
    const log = el('div', { className: 'log', hidden: true, tabIndex: 0 });
    log.setAttribute('role', 'log');
    log.setAttribute('aria-label', `Messages in ${description.title}`);
    const conversation = { ...description, button, item, log, unread: 0 };
    button.addEventListener('click', () => this.show(conversation));
    this.#all.set(description.key, conversation);
    this.#list.append(item);
    this.#logs.append(log);
    label(conversation);
    return conversation;
  }
}

function label({ button, title, unread }) {
  const parts = [el('span', { className: 'room-name' }, title)];
  if (unread > 0) parts.push(el('span', { className: 'unread' }, `${unread} new`));
  button.replaceChildren(...parts);
}

function toEnd(log) {
  log.scrollTop = log.scrollHeight;
}
