import { startAnnouncing } from './announce.js';
import { Bursts } from './bursts.js';
import { Clock } from './clock.js';
import { Connection } from './connection.js';
import { Conversations } from './conversations.js';
import { byId, onSubmit } from './dom.js';
import { announcementEntry, messageEntry, noticeEntry, warningEntry } from './entries.js';
import { WorkersPanel } from './workers-panel.js';
import { instanceChip } from './instance-chip.js';
import { LivePicture } from './live-picture.js';
import { Outbox } from './outbox.js';
import { ownName, rememberName } from './own-name.js';
import { PastReader } from './past-reader.js';
import { Poll } from './poll.js';
import { RedisSwitch } from './redis-switch.js';
import { Roster } from './roster.js';
import { StatusBar } from './status-bar.js';
import { TypingHint, TypingLine } from './typing.js';

const talks = new Conversations();
const picture = new LivePicture();
const workers = new WorkersPanel(picture);
const typing = new TypingLine();
const connection = new Connection();
const clock = new Clock(connection);
const roster = new Roster(connection, { onPerson: talkTo, isOwn: ({ id }) => id === me?.id });
const poll = new Poll(connection);
const hint = new TypingHint(() => connection.send('typing', { room: talks.active.name }));
const status = new StatusBar(() => connection.retryNow());
const outbox = new Outbox(connection, (talk) => past.isEntered(talk));
const past = new PastReader({
  connection,
  talks,
  openWhisper,
  show: addPast,
  onEntered: (talk) => outbox.resume(talk),
  onProblem: showProblem,
});

const redisSwitch = new RedisSwitch(connection, showProblem);
const bursts = new Bursts(connection, showProblem);

const field = byId('message');
const composerNote = byId('composer-note');
const stopButton = byId('stop');
const nameField = byId('name');

/** What the workers caught up with when they reached Redis again is in the histories by then. */
const CATCH_UP_DELAY_MS = 1_000;

const LOSSES = {
  trimmed: 'this worker was away from Redis for longer than they are kept',
  'new-epoch': 'Redis lost what it kept',
  forked: 'another Redis took over, and had not got all of them',
  'joined-offline': 'this tab came while Redis was away',
};

let me;
let here;
let backplaneState = 'ready';

const isHere = (from) => from.name === here?.name && from.pid === here.pid;

function socketUrl(name) {
  const url = new URL('chat', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.search = new URLSearchParams({ name }).toString();
  return url;
}

/** What the server sends, by event. */
const handlers = {
  welcome({ user, instance, backplane, redis }) {
    const before = here;
    me = user;
    here = instance;
    status.connected(instance);
    redisSwitch.show(redis);
    showBackplane(backplane);
    void clock.set();
    outbox.waitFor('Redis');
    workers.servedBy(instance);
    byId('here').replaceChildren('Served by ', instanceChip(instance), ` process ${instance.pid}`);
    stopButton.disabled = !instance.restarts;
    const words = before ? 'Back, now served by' : 'Served by';
    for (const { timeline } of talks.all) timeline.markSeam();
    talks.addToAll(() => noticeEntry(words, instance));
    past.readAll();
    void roster.refresh();
  },
  said(message) {
    const talk = talks.find('room', message.room);
    if (talk) addMessage(talk, message);
    typing.stop(message.user.id);
  },
  whispered(message) {
    const talk = openWhisper(message);
    addMessage(talk, message);
    if (!talks.active) talks.show(talk);
  },
  missed({ room, reason }) {
    const hurt = room === undefined ? talks.of('user') : [talks.find('room', room) ?? []].flat();
    for (const { timeline } of hurt) {
      timeline.add(warningEntry(`Messages may be missing here: ${LOSSES[reason]}.`));
      timeline.markSeam();
    }
    if (room === undefined) void past.readWhispers();
    else for (const talk of hurt) void past.readRoom(talk);
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
  burst: (one) => bursts.took(one, clock.ageOf(one.at)),
  pulse: ({ from, connections }) => workers.pulse(from, connections),
  leaving({ from }) {
    workers.leaving(from);
    if (!isHere(from)) talks.addToAll(() => noticeEntry('Stopped:', from));
  },
  backplane(change) {
    showBackplane(change.status);
    if (change.status === 'ready') setTimeout(() => past.readAll(), CATCH_UP_DELAY_MS);
  },
  redis({ state }) {
    redisSwitch.show(state);
    showBackplane(backplaneState);
  },
  exception: showProblem,
};

function showBackplane(state) {
  const { isPaused } = redisSwitch;
  backplaneState = state;
  status.backplane(state);
  // A pause is noticed some seconds later.
  picture.redis(state === 'ready' && !isPaused, isPaused);
}

function addMessage(talk, message) {
  const { id, at, user } = message;
  const latencyMs = outbox.ageOf(id) ?? clock.ageOf(at);
  talks.addMessage(talk, entryOf(message, latencyMs), { id, isOwn: user.id === me.id });
  outbox.arrived(id);
}

function addPast(talk, part) {
  const gap = () => warningEntry('More was said here meanwhile than is shown.');
  talk.timeline.addPast(part, (message) => entryOf(message), gap);
  for (const { id } of part.messages) outbox.arrived(id);
}

/** @param latencyMs of one that comes now; what was said before has none */
function entryOf(message, latencyMs) {
  const isOwn = message.user.id === me.id;
  return messageEntry(message, {
    isOwn,
    isHere: isHere(message.from),
    onAuthor: talkTo,
    latencyMs,
  });
}

/** In private. */
function talkTo(user) {
  talks.show(talks.openPrivate(user));
  field.focus();
}

/** Whom one talks to, whoever of the two said it. */
function openWhisper({ user, to }) {
  return talks.openPrivate(user.id === me.id ? to : user);
}

function addNotice(room, words, from) {
  const talk = talks.find('room', room);
  talk?.timeline.add(noticeEntry(words, from));
}

function showProblem({ message }) {
  composerNote.textContent = message;
}

connection.addEventListener('message', ({ detail: { event, data, id } }) => {
  handlers[event]?.(data, id);
  if (data?.from) picture.came(event, data.from);
});

connection.addEventListener('state', ({ detail }) => {
  if (detail.state === 'connecting') status.connecting(detail.attempt);
  if (detail.state !== 'open') {
    past.forget();
    outbox.waitFor('the connection');
  }
  if (detail.state !== 'waiting') return;
  status.waiting(detail);
  stopButton.disabled = true;
  typing.clear();
});

talks.addEventListener('change', () => {
  const talk = talks.active;
  typing.clear();
  outbox.show(talk);
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
    ? 'Everyone here reads it in one order, on any instance; who comes later sees the last of it.'
    : 'Private: every tab of this user, on any instance.';
}

onSubmit(byId('composer'), () => {
  const text = field.value.trim();
  const talk = talks.active;
  if (text === '' || !talk) return;
  composerNote.textContent = '';
  field.value = '';
  hint.sent();
  outbox.say(talk, text);
});

field.addEventListener('input', () => {
  if (talks.active?.kind === 'room') hint.typed();
});

onSubmit(byId('join'), async () => {
  const roomField = byId('room');
  const roomNote = byId('room-note');
  const room = roomField.value.trim();
  try {
    const present = talks.find('room', room);
    const talk = present ?? (await past.join(room));
    if (!present) talk.timeline.add(noticeEntry('You joined, on', here));
    roomField.value = '';
    roomNote.textContent = '';
    talks.show(talk);
    field.focus();
  } catch (error) {
    roomNote.textContent = error.message;
  }
});

byId('leave').addEventListener('click', () => {
  const talk = talks.active;
  if (talk.kind === 'room') past.leave(talk);
  outbox.forget(talk);
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
