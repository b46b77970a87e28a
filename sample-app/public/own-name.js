const KEY = 'name';
const adjectives = [
  'Brave',
  'Calm',
  'Clever',
  'Gentle',
  'Jolly',
  'Keen',
  'Merry',
  'Quiet',
  'Swift',
  'Wise',
];
const birds = ['Finch', 'Heron', 'Jay', 'Lark', 'Owl', 'Plover', 'Robin', 'Swan', 'Tern', 'Wren'];

/** The name of whoever sits at this tab. Each tab has its own: two tabs can talk. */
export function ownName() {
  const name = sessionStorage.getItem(KEY) ?? `${pick(adjectives)} ${pick(birds)}`;
  rememberName(name);
  return name;
}

export function rememberName(name) {
  sessionStorage.setItem(KEY, name);
}

function pick(list) {
  return list[Math.floor(Math.random() * list.length)];
}
