import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that does exactly what a test says, and counts what reached it. */
export interface RawServer extends AsyncDisposable {
  readonly url: string;
  /** `METHOD /path` of every request, in the order of arrival. */
  readonly requests: readonly string[];
}

/** Listens on a free port of this machine. */
export async function startRawServer(handle: RequestListener): Promise<RawServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handle(request, response);
  });
  await listen(server);
  return {
    // An AddressInfo, because it listens on a TCP port.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}
