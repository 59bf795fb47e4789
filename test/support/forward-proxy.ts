import http from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What a proxy does with a CONNECT: it makes the tunnel, answers with a status, or does nothing, hangs up, or hangs up after it said yes. */
export type ConnectAnswer = 'tunnel' | 'nothing' | 'hang up' | 'break' | number;

export interface ForwardProxy extends AsyncDisposable {
  readonly port: number;
  /** Host and port of every CONNECT. */
  readonly tunnels: readonly string[];
  /** `METHOD URL` of every request that was not a CONNECT. */
  readonly requests: readonly string[];
  /** All `Proxy-Authorization` headers. */
  readonly authorizations: readonly string[];
  /** Everything that clients sent: heads of requests, and what went through tunnels. */
  seen(): string;
}

/** A forward proxy on this machine, by CONNECT and by absolute URLs. It takes every host for this machine. */
export async function startForwardProxy(answer: ConnectAnswer = 'tunnel'): Promise<ForwardProxy> {
  const tunnels: string[] = [];
  const requests: string[] = [];
  const authorizations: string[] = [];
  const seen: (string | Buffer)[] = [];
  const open = new Set<Duplex>();
  const keep = <T extends Duplex>(socket: T): T => {
    open.add(socket);
    // A closed connection does not fail the test.
    return socket.on('error', () => {}).once('close', () => void open.delete(socket));
  };
  const record = (request: http.IncomingMessage): void => {
    seen.push(`${request.method} ${request.url}\n${request.rawHeaders.join('\n')}\n`);
    const authorization = request.headers['proxy-authorization'];
    if (authorization !== undefined) authorizations.push(authorization);
  };

  const server = http.createServer((request, response) => {
    record(request);
    requests.push(`${request.method} ${request.url}`);
    const { port, pathname, search } = new URL(request.url ?? '');
    const { method, headers } = request;
    const forwarded = http.request(
      { host: '127.0.0.1', port, path: `${pathname}${search}`, method, headers },
      (got) => {
        response.writeHead(got.statusCode ?? 0, got.headers);
        got.pipe(response);
      },
    );
    forwarded.on('error', () => response.writeHead(502).end());
    request.pipe(forwarded);
  });
  server.on('connection', (socket: Socket) => void keep(socket));
  server.on('connect', (request, client: Duplex) => {
    record(request);
    const target = request.url ?? '';
    tunnels.push(target);
    if (answer === 'hang up') client.destroy();
    if (answer === 'break') client.end('HTTP/1.1 200 Connection established\r\n\r\n');
    if (typeof answer === 'number') client.end(`HTTP/1.1 ${answer} Not for you\r\nContent-Length: 0\r\n\r\n`);
    if (answer !== 'tunnel') return;
    const upstream = keep(connect(Number(target.split(':').at(-1)), '127.0.0.1'));
    upstream.once('connect', () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    upstream.once('close', () => client.destroy());
    client.once('close', () => upstream.destroy());
    client.on('data', (chunk: Buffer) => void seen.push(chunk));
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    // An AddressInfo, because it listens on a TCP port.
    port: (server.address() as AddressInfo).port,
    tunnels,
    requests,
    authorizations,
    seen: () => Buffer.concat(seen.map((part) => Buffer.from(part))).toString('latin1'),
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
