const trees = (
  'Alder Birch Cedar Dogwood Elm Fir Ginkgo Hazel Ivy Juniper Katsura Larch Maple Neem Olive Pine ' +
  'Quince Rowan Spruce Teak Ulmo Viburnum Willow Yew Zelkova'
).split(' ');

/** Names are easier to tell apart than process ids: worker 1 is Alder, worker 2 Birch … */
export function workerName(number: number): string {
  const round = Math.floor((number - 1) / trees.length);
  const tree = trees[(number - 1) % trees.length]!;
  return round === 0 ? tree : `${tree} ${round + 1}`;
}
