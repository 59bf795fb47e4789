import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Resolves immediately, even if connections are open. */
  close(): Promise<void>;
}

/** Starts an HTTP server; port 0 selects a free port. Rejects if it can't listen. */
export async function listen(handle: RequestListener, host: string, port: number): Promise<Listening> {
  // Clients keep their connections during a pause between two calls.
  const server = createServer({ keepAliveTimeout: 120_000 }, handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // An AddressInfo, because the server listens on a TCP port.
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
