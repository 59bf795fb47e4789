import type { RequestListener } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './certificate.ts';

export interface TlsServer extends AsyncDisposable {
  readonly port: number;
  /** `METHOD /path` of every request, in the order of arrival. */
  readonly requests: readonly string[];
  /** How many handshakes it finished. */
  readonly handshakes: number;
}

/** A raw server over https, on a free port of this machine. */
export async function startTlsServer({ cert, key }: Certificate, handle: RequestListener): Promise<TlsServer> {
  const requests: string[] = [];
  let handshakes = 0;
  const server = https.createServer({ cert, key }, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handle(request, response);
  });
  server.on('secureConnection', () => (handshakes += 1));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    // An AddressInfo, because it listens on a TCP port.
    port: (server.address() as AddressInfo).port,
    requests,
    get handshakes() {
      return handshakes;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
