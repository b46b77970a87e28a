/** What can be measured. `lost` is the check that the work was done at all. */
export const figures = {
  deliveredPerSecond: { title: 'delivered', unit: '/s', better: 'more' },
  cpuPerDelivery: { title: 'server CPU per delivery', unit: 'µs', better: 'less' },
  publishedPerSecond: { title: 'published', unit: '/s', better: 'more' },
  cpuPerPublish: { title: 'publisher CPU per message', unit: 'µs', better: 'less' },
  cpuPerRequest: { title: 'server CPU per request', unit: 'µs', better: 'less' },
  cpuPerMiss: { title: 'CPU per message, instance without members', unit: 'µs', better: 'less' },
  cpuPerClient: { title: 'server CPU per client', unit: 'µs', better: 'less' },
  redisCpuPerMessage: { title: 'Redis CPU per message', unit: 'µs', better: 'less' },
  driverCpuPerDelivery: { title: 'client CPU per delivery', unit: 'µs', better: 'less' },
  p50: { title: 'p50', unit: 'ms', better: 'less' },
  p99: { title: 'p99', unit: 'ms', better: 'less' },
  p999: { title: 'p99.9', unit: 'ms', better: 'less' },
  heapPerConnection: { title: 'heap per connection', unit: 'KiB', better: 'less' },
  rssPerConnection: { title: 'RSS per connection', unit: 'KiB', better: 'less' },
  arrivedMs: { title: 'time to the last arrival', unit: 'ms', better: 'less' },
  joinedMs: { title: 'time until all have joined', unit: 'ms', better: 'less' },
  repairedMs: { title: 'time until all are repaired', unit: 'ms', better: 'less' },
  pingP99Before: { title: "p99 of another client's PING before", unit: 'ms', better: 'less' },
  pingP50: { title: "p50 of another client's PING", unit: 'ms', better: 'less' },
  pingP99: { title: "p99 of another client's PING", unit: 'ms', better: 'less' },
  pingMaxEnding: {
    title: "another client's longest PING while Redis ends the old connection",
    unit: 'ms',
    better: 'less',
  },
  pingP99After: { title: "p99 of another client's PING from then on", unit: 'ms', better: 'less' },
  pingMaxAfter: { title: "another client's longest PING from then on", unit: 'ms', better: 'less' },
  loopDelay: { title: 'longest stall of the event loop', unit: 'ms', better: 'less' },
  lost: { title: 'lost', unit: '', better: 'less' },
} as const;

export type FigureName = keyof typeof figures;
export type Figures = Partial<Record<FigureName, number>>;
