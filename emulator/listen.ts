import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Resolves at once, whatever hangs on a connection. */
  close(): Promise<void>;
}

/** An HTTP server; port 0 takes a free one. Rejects when it cannot listen. */
export async function listen(handle: RequestListener, host: string, port: number): Promise<Listening> {
  // A pause between two calls is no reason to hang up on a client that keeps its connections.
  const server = createServer({ keepAliveTimeout: 120_000 }, handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // An AddressInfo, because it listens on a TCP port.
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
