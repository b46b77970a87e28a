import { el } from './dom.js';
import { durationOf } from './clock.js';
import { hueOf, instanceChip } from './instance-chip.js';

/**
 * What somebody said, with the instance that it was said to. `onAuthor` is called for a click on
 * the author's name.
 */
export function messageEntry({ user, from, at, text }, { isOwn, isHere, onAuthor, latencyMs }) {
  const author = isOwn
    ? el('span', { className: 'author' }, `${user.name} (you)`)
    : el(
        'button',
        // No stop of the Tab key: a log has hundreds of them. The list of who is here has one for
        // each.
        {
          type: 'button',
          className: 'author',
          tabIndex: -1,
          title: `Talk to ${user.name} in private`,
        },
        user.name,
      );
  if (!isOwn) author.addEventListener('click', () => onAuthor(user));
  const entry = el(
    'article',
    { className: isOwn ? 'entry own' : 'entry' },
    el('p', { className: 'meta' }, author, via(from, isHere), ...latency(latencyMs), clock(at)),
    el('p', { className: 'text' }, text),
  );
  entry.style.setProperty('--hue', hueOf(from));
  return entry;
}

/** What this tab has said and nobody has yet; what it waits for is filled in by whoever knows. */
export function waitingEntry({ text }) {
  return unsaidEntry(text, el('span', { className: 'waits' }));
}

/** What could not be sent, with what can be done about it. */
export function failedEntry({ text }, { reason, onSendAgain, onDiscard }) {
  const button = (label, onClick) => {
    const element = el('button', { type: 'button', className: 'quiet' }, label);
    element.addEventListener('click', onClick);
    return element;
  };
  const entry = unsaidEntry(text, el('span', { className: 'fails' }, `Not sent: ${reason}`));
  const buttons = [button('Send again', onSendAgain), button('Discard', onDiscard)];
  entry.append(el('p', { className: 'choices' }, ...buttons));
  return entry;
}

function unsaidEntry(text, state) {
  const author = el('span', { className: 'author' }, 'You');
  return el(
    'li',
    { className: 'entry own unsaid' },
    el('p', { className: 'meta' }, author, state),
    el('p', { className: 'text' }, text),
  );
}

export function announcementEntry({ from, at, text }, { isHere }) {
  const entry = el(
    'article',
    { className: 'entry announcement' },
    el(
      'p',
      { className: 'meta' },
      el('span', { className: 'author' }, 'Announcement'),
      via(from, isHere),
      clock(at),
    ),
    el('p', { className: 'text' }, text),
  );
  entry.style.setProperty('--hue', hueOf(from));
  return entry;
}

/** Something that happened and is not good: for the eye, too. */
export function warningEntry(text) {
  return el('p', { className: 'notice warning' }, text);
}

/** Something that happened: texts, and instances as chips. */
export function noticeEntry(...parts) {
  const nodes = parts.map((part) => (typeof part === 'string' ? part : instanceChip(part)));
  return el('p', { className: 'notice' }, ...nodes);
}

function via(from, isHere) {
  const way = el('span', { className: 'way' }, isHere ? 'same instance' : 'through Redis');
  return el(
    'span',
    { className: 'via' },
    el('span', { className: 'hidden' }, 'via '),
    instanceChip(from),
    ' ',
    way,
  );
}

/** How long it took from the person who said it to this tab, where that is known. */
function latency(ms) {
  if (ms === undefined) return [];
  const title = 'From whoever said it to this tab';
  return [el('span', { className: 'latency', title }, durationOf(ms))];
}

function clock(at) {
  const date = new Date(at);
  const text = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return el('time', { dateTime: date.toISOString() }, text);
}
