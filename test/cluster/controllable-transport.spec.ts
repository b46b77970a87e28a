import { MemoryBus } from '../../lib/transport/memory/memory-bus.js';
import { describeTransport } from '../transport/conformance.js';
import { ControllableTransport } from './controllable-transport.js';

// What the link is tested with is worth something only while it does what transports do.
describeTransport('ControllableTransport', () => {
  const bus = new MemoryBus();
  return { make: () => new ControllableTransport(true, bus) };
});
