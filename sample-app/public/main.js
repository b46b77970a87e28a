import { startAnnouncing } from './announce.js';
import { Connection } from './connection.js';
import { Conversations } from './conversations.js';
import { byId, onSubmit } from './dom.js';
import { announcementEntry, messageEntry, noticeEntry } from './entries.js';
import { GardenPanel } from './garden-panel.js';
import { instanceChip } from './instance-chip.js';
import { ownName, rememberName } from './own-name.js';
import { Poll } from './poll.js';
import { Roster } from './roster.js';
import { StatusBar } from './status-bar.js';
import { TypingHint, TypingLine } from './typing.js';

const talks = new Conversations();
const garden = new GardenPanel();
const typing = new TypingLine();
const connection = new Connection();
const roster = new Roster(connection);
const poll = new Poll(connection);
const hint = new TypingHint(() => connection.send('typing', { room: talks.active.name }));
const status = new StatusBar(() => connection.retryNow());

const field = byId('message');
const composerNote = byId('composer-note');
const stopButton = byId('stop');
const nameField = byId('name');

let me;
let here;

const isHere = (from) => from.name === here?.name && from.pid === here.pid;

function socketUrl(name) {
  const url = new URL('chat', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.search = new URLSearchParams({ name }).toString();
  return url;
}

/** What the server sends, by event. */
const handlers = {
  welcome({ user, instance, backplane }) {
    const before = here;
    me = user;
    here = instance;
    status.connected(instance);
    status.backplane(backplane);
    garden.servedBy(instance);
    byId('here').replaceChildren('Served by ', instanceChip(instance), ` process ${instance.pid}`);
    stopButton.disabled = !instance.restarts;
    const words = before ? 'Back, now served by' : 'Served by';
    for (const room of talks.rooms) connection.request('join', { room }).catch(showProblem);
    talks.addToAll(() => noticeEntry(words, instance));
    void roster.refresh();
  },
  said(message) {
    const talk = talks.find('room', message.room);
    if (talk) addMessage(talk, message);
    typing.stop(message.user.id);
  },
  whispered(message) {
    const other = message.user.id === me.id ? message.to : message.user;
    addMessage(talks.openPrivate(other), message);
    if (!talks.active) talks.show(talks.openPrivate(other));
  },
  announced(message) {
    talks.addToAll(() => announcementEntry(message, { isHere: isHere(message.from) }));
  },
  joined: ({ room, user, from }) => addNotice(room, `${user.name} joined, on`, from),
  left: ({ room, user, from }) => addNotice(room, `${user.name} left, on`, from),
  typing({ room, user, from }) {
    if (talks.active === talks.find('room', room)) typing.saw(user, from);
  },
  poll: (question, id) => poll.asked(question, id),
  tally: (tally) => poll.counted(tally),
  pulse: ({ from, connections }) => garden.pulse(from, connections),
  leaving({ from }) {
    garden.leaving(from);
    if (!isHere(from)) talks.addToAll(() => noticeEntry('Stopped:', from));
  },
  backplane: (change) => status.backplane(change.status),
  exception: showProblem,
};

function addMessage(talk, message) {
  const isOwn = message.user.id === me.id;
  const onAuthor = (user) => {
    talks.show(talks.openPrivate(user));
    field.focus();
  };
  const entry = messageEntry(message, { isOwn, isHere: isHere(message.from), onAuthor });
  talks.add(talk, entry, { counts: !isOwn });
}

function addNotice(room, words, from) {
  const talk = talks.find('room', room);
  if (talk) talks.add(talk, noticeEntry(words, from));
}

function showProblem({ message }) {
  composerNote.textContent = message;
}

connection.addEventListener('message', ({ detail: { event, data, id } }) =>
  handlers[event]?.(data, id),
);

connection.addEventListener('state', ({ detail }) => {
  if (detail.state === 'connecting') status.connecting(detail.attempt);
  if (detail.state !== 'waiting') return;
  status.waiting(detail);
  stopButton.disabled = true;
  typing.clear();
});

talks.addEventListener('change', () => {
  const talk = talks.active;
  typing.clear();
  byId('talk-title').textContent = talk?.title ?? 'No room';
  byId('talk-hint').textContent = hintOf(talk);
  const leave = byId('leave');
  leave.hidden = !talk;
  leave.textContent = talk?.kind === 'user' ? 'Close' : 'Leave room';
  field.disabled = !talk;
});

function hintOf(talk) {
  if (!talk) return 'Join a room to talk.';
  return talk.kind === 'room'
    ? 'Whoever joined this room reads it, on any instance.'
    : 'Private: every tab of this user, on any instance.';
}

onSubmit(byId('composer'), async () => {
  const text = field.value.trim();
  const talk = talks.active;
  if (text === '' || !talk) return;
  composerNote.textContent = '';
  field.value = '';
  hint.sent();
  try {
    if (talk.kind === 'room') await connection.request('say', { room: talk.name, text });
    else await connection.request('whisper', { to: talk.name, text });
  } catch (error) {
    showProblem({ message: `Not sent: ${error.message}` });
    if (field.value === '') field.value = text;
  }
});

field.addEventListener('input', () => {
  if (talks.active?.kind === 'room') hint.typed();
});

onSubmit(byId('join'), async () => {
  const roomField = byId('room');
  const roomNote = byId('room-note');
  const room = roomField.value.trim();
  try {
    const isNew = !talks.find('room', room);
    if (isNew) await connection.request('join', { room });
    roomField.value = '';
    roomNote.textContent = '';
    const talk = talks.openRoom(room);
    if (isNew && here) talks.add(talk, noticeEntry('You joined, on', here));
    talks.show(talk);
    field.focus();
  } catch (error) {
    roomNote.textContent = error.message;
  }
});

byId('leave').addEventListener('click', () => {
  const talk = talks.active;
  if (talk.kind === 'room') connection.request('leave', { room: talk.name }).catch(() => {});
  talks.close(talk);
});

onSubmit(byId('rename'), () => {
  const name = nameField.value.trim();
  if (name === '') return;
  rememberName(name);
  connection.open(socketUrl(name));
});

stopButton.addEventListener('click', () => {
  stopButton.disabled = true;
  connection.request('stop-instance').catch(showProblem);
});

startAnnouncing();
nameField.value = ownName();
talks.show(talks.openRoom('lobby'));
connection.open(socketUrl(nameField.value));
