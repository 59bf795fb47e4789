import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/** Below the range from which systems take the ports of outgoing connections. */
const first = 20_000;
const count = 6_000;

/**
 * A port of 127.0.0.1 on which nothing listens, and that no other caller gets while this process runs: a program may
 * need many seconds until it listens. What reserves port N is a server of this process on port N + 6,000.
 */
export async function freePort(
  choices: { readonly first: number; readonly count: number } = { first, count },
): Promise<number> {
  for (;;) {
    const port = choices.first + randomInt(choices.count);
    const reservation = await listen(port + count);
    if (reservation === undefined) continue;
    const probe = await listen(port);
    if (probe !== undefined) {
      await close(probe);
      reservation.unref();
      return port;
    }
    await close(reservation);
  }
}

/** Undefined when the port is in use. */
function listen(port: number): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
