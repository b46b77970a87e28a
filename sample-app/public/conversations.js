import { byId, el } from './dom.js';
import { Timeline } from './timeline.js';

/**
 * The rooms one is in, and the people one talks to in private: each a conversation with a log.
 * Fires `change` when another one is shown.
 */
export class Conversations extends EventTarget {
  #list = byId('rooms');
  #logs = byId('logs');
  #all = new Map();
  #active;

  get active() {
    return this.#active;
  }

  get all() {
    return [...this.#all.values()];
  }

  of(kind) {
    return this.all.filter((each) => each.kind === kind);
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
    for (const each of this.all) {
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
    conversation?.timeline.showEnd();
    this.dispatchEvent(new Event('change'));
  }

  close(conversation) {
    this.#all.delete(conversation.key);
    conversation.log.remove();
    conversation.item.remove();
    this.show(this.all.at(-1));
  }

  /**
   * Adds a message, unless it is there. It counts as unread where nobody looks, unless it is one's
   * own.
   */
  addMessage(conversation, entry, { id, isOwn }) {
    if (!conversation.timeline.add(entry, id)) return;
    if (isOwn || conversation === this.#active) return;
    conversation.unread++;
    label(conversation);
  }

  /** Adds an entry, made anew for each, to every conversation. */
  addToAll(make) {
    for (const { timeline } of this.all) timeline.add(make());
  }

  #open(description) {
    const present = this.#all.get(description.key);
    if (present) return present;
    const button = el('button', { type: 'button' });
    const item = el('li', {}, button);
    const log = el('div', { className: 'log', hidden: true, tabIndex: 0 });
    log.setAttribute('role', 'log');
    log.setAttribute('aria-label', `Messages in ${description.title}`);
    const timeline = new Timeline(log);
    const conversation = { ...description, button, item, log, timeline, unread: 0 };
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
