import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from './log.ts';
import type { Readiness } from './readiness.ts';

/** Where to listen: an empty host means all addresses, IPv6 and IPv4; port 0 selects a free port. */
interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface HealthServerOptions {
  readonly metricsAddress: ListenAddress;
  readonly healthAddress: ListenAddress;
  /**
   * Whether reconciliation makes progress; if it is false for long, Kubernetes restarts the Pod. A blocked event loop
   * doesn't respond at all, with the same effect.
   */
  readonly isAlive: () => boolean;
  readonly readiness: Pick<Readiness, 'evaluate'>;
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
  /** The content of `/targets`; undefined while the objects aren't known. Default: 404. */
  readonly targets?: () => string | undefined;
  readonly log: Log;
}

export interface HealthServer {
  /** Rejects with a sentence for the user if it can't listen on an address. */
  start(): Promise<void>;
  /** Also closes open connections. May be called at any time, and repeatedly. */
  stop(): Promise<void>;
  /** The URLs that it listens on; only while started. */
  readonly addresses: { readonly metrics: string; readonly health: string } | undefined;
}

interface PageResponse {
  readonly status: number;
  readonly type?: string;
  readonly body: string;
}
type Page = (query: URLSearchParams) => PageResponse | Promise<PageResponse>;

/**
 * Serves `/metrics` and `/targets` on one address and `/healthz` and `/readyz` on the other, so that a firewall can restrict metrics.
 */
export function createHealthServer(options: HealthServerOptions): HealthServer {
  const { metricsAddress, healthAddress, isAlive, readiness, metrics, targets, log } = options;
  const metricsPages = new Map<string, Page>([
    ['/metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.render() })],
  ]);
  if (targets !== undefined) metricsPages.set('/targets', () => showTargets(targets()));
  const healthPages = new Map<string, Page>([
    ['/healthz', () => (isAlive() ? ok : { status: 503, body: 'reconciliation has stopped\n' })],
    ['/readyz', (query) => showReadiness(readiness.evaluate(), query.has('verbose'))],
  ]);
  const [metricsServer, healthServer] = [serve(log, metricsPages), serve(log, healthPages)];
  let addresses: HealthServer['addresses'];
  return {
    get addresses() {
      return addresses;
    },
    async start() {
      try {
        await listen(metricsServer, metricsAddress, '--metrics-address');
        await listen(healthServer, healthAddress, '--health-address');
      } catch (error) {
        await Promise.all([close(metricsServer), close(healthServer)]);
        throw error;
      }
      addresses = { metrics: urlOf(metricsServer), health: urlOf(healthServer) };
    },
    async stop() {
      addresses = undefined;
      await Promise.all([close(metricsServer), close(healthServer)]);
    },
  };
}

const ok: PageResponse = { status: 200, body: 'ok\n' };

/** Prometheus keeps its targets after an error, and would drop them after an empty list. */
function showTargets(body: string | undefined): PageResponse {
  if (body === undefined) return { status: 503, body: 'the VirtualMachines have not been listed yet\n' };
  return { status: 200, type: 'application/json', body };
}

/** Like the Kubernetes API server: lists all checks if one fails, or with `?verbose`. */
function showReadiness({ isReady, lines }: ReturnType<Readiness['evaluate']>, isVerbose: boolean): PageResponse {
  if (isReady && !isVerbose) return ok;
  const body = [...lines, `readyz check ${isReady ? 'passed' : 'failed'}`, ''].join('\n');
  return { status: isReady ? 200 : 503, body };
}

function serve(log: Log, pages: ReadonlyMap<string, Page>): Server {
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '', query] = (request.url ?? '').split('?');
    const page = pages.get(path);
    if (page === undefined) return send(response, { status: 404, body: 'not found\n' });
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return send(response, { status: 405, body: 'only GET\n' });
    }
    try {
      send(response, await page(new URLSearchParams(query)));
    } catch (error) {
      log.error('Failed to serve page', { path, error });
      send(response, { status: 500, body: 'failed, see the log\n' });
    }
  }
  // Requests are tiny; a slow client only holds a connection open.
  return createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    void answer(request, response);
  });
}

function send(response: ServerResponse, { status, type, body }: PageResponse): void {
  response.writeHead(status, {
    'content-type': type ?? 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  // Node leaves out the body of a response to HEAD.
  response.end(body);
}

async function listen(server: Server, { host, port }: ListenAddress, flag: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(explain(error, host, port, flag))));
  // Without a host, Node listens on `::` for both families, and on 0.0.0.0 if the kernel has no IPv6.
  server.listen({ port, ...(host === '' ? {} : { host }) }, resolve);
  await promise;
}

function explain(error: NodeJS.ErrnoException, host: string, port: number, flag: string): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port}${host === '' ? '' : ` on ${host}`} is in use; stop the program that uses it, or set another address with ${flag}.`;
    case 'EACCES':
      return `Port ${port} may not be used by this user; give one above 1023 with ${flag}.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine; give another one with ${flag}.`;
    default:
      return `${flag} ${host}:${port} cannot be listened on: ${error.code ?? error.message}.`;
  }
}

function urlOf(server: Server): string {
  // A server that listens on a port has an AddressInfo; a string is only for pipes.
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
