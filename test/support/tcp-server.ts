import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A server below HTTP: what a connection hears is up to the test. */
export interface TcpServer extends AsyncDisposable {
  readonly port: number;
  /** All that ever came about, in order; those that ended are among them. */
  readonly connections: readonly Socket[];
}

/** Listens on a free port of this machine by default. */
export async function startTcpServer(
  onConnection: (socket: Socket) => void,
  where: { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
): Promise<TcpServer> {
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    // A client that closes its connection does not fail the test.
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  });
  return {
    // An AddressInfo, because it listens on a TCP port.
    port: (server.address() as AddressInfo).port,
    connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
