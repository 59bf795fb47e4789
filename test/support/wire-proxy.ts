/**
 * A proxy before both APIs of the operator: it sees every request, and can apply any network fault to it. Runs in this process,
 * so that a test decides on the actual request, and not by a rule written before.
 */
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { listen, type Listening } from '../../emulator/listen.ts';
import { loadKubeConfig } from '../../src/kubernetes/config.ts';
import { createCredentials } from '../../src/kubernetes/auth.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { type Api, isWatch, signatureOf, type WireRequest } from './wire-signature.ts';

/**
 * Moments in the life of a request. `before`: nothing of it has reached the API. `effect`: the API has answered it
 * completely, and the operator has seen nothing of that. `answered`: the operator's end of the connection has all of it.
 * A watch has no end: its answer is complete when it is accepted.
 */
export type Point = 'before' | 'effect' | 'answered';

export const points = ['before', 'effect', 'answered'] as const satisfies readonly Point[];

/** What the wire does to a request. Only `pass`, `act` at `answered`, and `delay` let its answer through. */
export type Treatment =
  /** With `query`, some of its parameters replaced; with `body`, its body replaced. */
  | { readonly kind: 'pass'; readonly query?: Readonly<Record<string, string>>; readonly body?: string }
  /** Of a watch that was accepted, each event goes through `edit`. */
  | { readonly kind: 'edit'; readonly edit: EditLine }
  /** Does something at the point and waits for it; before the answer came through, the connection is reset after that. */
  | { readonly kind: 'act'; readonly at: Point; readonly act: () => void | Promise<void> }
  | { readonly kind: 'reset'; readonly at: 'before' | 'effect' }
  /** Never answered; the connection stays open. */
  | { readonly kind: 'hang'; readonly at: 'before' | 'effect' }
  | { readonly kind: 'delay'; readonly at: 'before' | 'effect'; readonly milliseconds: number }
  /** Answered in place of the API, which does not receive it; after so many `milliseconds`, if given. */
  | {
      readonly kind: 'refuse';
      readonly status: number;
      readonly retryAfter?: string;
      readonly body?: unknown;
      readonly milliseconds?: number;
    };

/** Takes one line of an answer, answers those to send in its place; with `cut`, the connection is reset after that text. */
export type EditLine = (line: string) => readonly string[] | { readonly cut: string };

/** A request on its way, with what it is. */
export interface Passing extends WireRequest {
  readonly signature: string;
}

/** What went through to one API; bytes are those of bodies. */
export interface Traffic {
  requests: number;
  bytesOut: number;
  bytesIn: number;
}

export interface WireProxyOptions {
  /** The operator's kubeconfig, which names the API server. */
  readonly kubeconfig: string;
  /** The provider's base URL. */
  readonly apiUrl: string;
  /** Where the kubeconfig that leads through here is put. */
  readonly directory: string;
  /** Asked for each request once it is here in whole. */
  readonly decide: (request: Passing) => Treatment;
}

/** What to start an operator with, so that all its requests come through here. */
export interface WireProxy {
  readonly kubeconfig: string;
  readonly apiUrl: string;
  readonly traffic: Readonly<Record<Api, Readonly<Traffic>>>;
  /** Requests in flight, watches not counted. */
  readonly underWay: number;
  /** Resets the connections of all watches. */
  cutWatches(): void;
  close(): Promise<void>;
}

/** Where requests go on to. */
interface Upstream {
  readonly url: URL;
  readonly send: typeof http.request;
  readonly agent: http.Agent;
}

/** Opens both doors on free ports of this machine. */
export async function startWireProxy(options: WireProxyOptions): Promise<WireProxy> {
  const proxy = new Proxy(options, await kubernetesOf(options.kubeconfig));
  await proxy.open();
  return proxy;
}

class Proxy implements WireProxy {
  readonly kubeconfig: string;
  readonly traffic: Record<Api, Traffic> = { kubernetes: nothing(), provider: nothing() };
  readonly #options: WireProxyOptions;
  readonly #upstreams: Readonly<Record<Api, Upstream>>;
  readonly #calls = new Set<http.ServerResponse>();
  readonly #watches = new Set<http.ServerResponse>();
  #servers: readonly Listening[] = [];
  #apiUrl = '';

  constructor(options: WireProxyOptions, kubernetes: Upstream) {
    this.#options = options;
    this.kubeconfig = path.join(options.directory, 'proxied.kubeconfig');
    this.#upstreams = { kubernetes, provider: upstreamOf(new URL(options.apiUrl)) };
  }

  get apiUrl(): string {
    return this.#apiUrl;
  }

  get underWay(): number {
    return this.#calls.size;
  }

  async open(): Promise<void> {
    const [kubernetes, provider] = await Promise.all([this.#listen('kubernetes'), this.#listen('provider')]);
    this.#servers = [kubernetes, provider];
    this.#apiUrl = provider.url;
    const config = loadKubeConfig({ kubeconfig: this.#options.kubeconfig });
    // Plain http to this machine: there is nothing left to recognize the server by.
    const clusters = config.clusters.map(({ name }) => ({ name, server: kubernetes.url, skipTLSVerify: false }));
    config.clusters = clusters;
    writeFileSync(this.kubeconfig, config.exportConfig(), { mode: 0o600 });
  }

  cutWatches(): void {
    for (const response of this.#watches) reset(response);
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
    for (const { agent } of Object.values(this.#upstreams)) agent.destroy();
  }

  #listen(api: Api): Promise<Listening> {
    return listen(
      // Any failure on the way is reported as a network does.
      (incoming, response) => void this.#handle(api, incoming, response).catch(() => reset(response)),
      '127.0.0.1',
      0,
    );
  }

  async #handle(api: Api, incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(incoming.url ?? '/', 'http://proxy');
    const isEndless = isWatch({ api, query });
    // At once: the sender may be gone before the body is complete.
    const open = isEndless ? this.#watches : this.#calls;
    open.add(response);
    const gone = new Promise<void>((resolve) => response.once('close', resolve));
    void gone.then(() => open.delete(response));
    const bytes = await buffer(incoming);
    const request = { api, method: incoming.method ?? '', path: pathname, query, body: bytes.toString('utf8') };
    const passing: Passing = { ...request, signature: signatureOf(request) };
    const traffic = this.traffic[api];
    traffic.requests += 1;
    traffic.bytesOut += bytes.length;
    const treatment = this.#options.decide(passing);
    await treat(treatment, {
      forward: async () => {
        const target = withQuery(incoming.url ?? '/', treatment.kind === 'pass' ? treatment.query : undefined);
        const body = treatment.kind === 'pass' && treatment.body !== undefined ? Buffer.from(treatment.body) : bytes;
        const answer = await this.#forward(api, incoming, target, body);
        answer.on('data', (chunk: Buffer) => (traffic.bytesIn += chunk.length)).pause();
        // It may break before the body is read; the reader gets the error all the same.
        answer.on('error', () => {});
        // A watch whose reader is gone is not read; any other request has its effect and its answer all the same.
        if (isEndless) void gone.then(() => answer.destroy());
        return answer;
      },
      response,
      gone,
      isEndless,
    });
  }

  /** Sends it on with all that it carries; resolves with the answer's head. */
  #forward(api: Api, incoming: http.IncomingMessage, target: string, body: Buffer): Promise<http.IncomingMessage> {
    const { url, send, agent } = this.#upstreams[api];
    const prefix = url.pathname.replace(/\/$/, '');
    return new Promise((resolve, reject) => {
      const outgoing = send(
        {
          protocol: url.protocol,
          hostname: url.hostname,
          port: url.port,
          method: incoming.method,
          path: `${prefix}${target}`,
          headers: { ...endToEnd(incoming.headers), 'content-length': body.length },
          agent,
        },
        resolve,
      );
      // Once there is an answer, it reports failures itself.
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

/** The two ends of a request that is here in whole. */
interface Wire {
  /** Sends it on; resolves with the head of the answer. */
  readonly forward: () => Promise<http.IncomingMessage>;
  readonly response: http.ServerResponse;
  /** Resolves when the operator has its answer, or cannot have it any more. */
  readonly gone: Promise<void>;
  /** A watch. */
  readonly isEndless: boolean;
}

async function treat(treatment: Treatment, wire: Wire): Promise<void> {
  const { forward, response, isEndless } = wire;
  /** The request has its effect by then, without a caller. */
  const go = async (at: 'before' | 'effect'): Promise<void> => {
    if (at === 'effect') await swallow(await forward(), isEndless);
  };
  switch (treatment.kind) {
    case 'pass':
      return passOn(await forward(), wire);
    case 'edit':
      return passEdited(await forward(), treatment.edit, wire);
    case 'act':
      if (treatment.at === 'answered') {
        await passOn(await forward(), wire);
        await treatment.act();
        return;
      }
      await go(treatment.at);
      await treatment.act();
      return reset(response);
    case 'reset':
      await go(treatment.at);
      return reset(response);
    case 'hang':
      return go(treatment.at);
    case 'delay': {
      const pause = wait(treatment.milliseconds);
      if (treatment.at === 'before') await pause;
      const answer = await forward();
      await pause;
      return passOn(answer, wire);
    }
    case 'refuse':
      if (treatment.milliseconds !== undefined) await wait(treatment.milliseconds);
      response.writeHead(treatment.status, {
        'content-type': 'application/json',
        ...(treatment.retryAfter === undefined ? {} : { 'retry-after': treatment.retryAfter }),
      });
      response.end(JSON.stringify(treatment.body ?? { error: 'refused on the way' }));
  }
}

/** Does not keep the process alive. */
function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, milliseconds).unref());
}

function withQuery(target: string, changes: Readonly<Record<string, string>> = {}): string {
  if (Object.keys(changes).length === 0) return target;
  const { pathname, searchParams } = new URL(target, 'http://proxy');
  for (const [name, value] of Object.entries(changes)) searchParams.set(name, value);
  return `${pathname}?${searchParams}`;
}

function nothing(): Traffic {
  return { requests: 0, bytesOut: 0, bytesIn: 0 };
}

async function kubernetesOf(kubeconfig: string): Promise<Upstream> {
  const config = loadKubeConfig({ kubeconfig });
  const { tls } = await createCredentials(config, systemClock).current();
  return upstreamOf(new URL(config.getCurrentCluster()?.server ?? ''), tls);
}

// An idle connection is closed before the API is likely to do it: that would look like a request lost on the way.
const idle = { keepAlive: true, timeout: 30_000 } as const;

function upstreamOf(url: URL, tls: https.AgentOptions = {}): Upstream {
  return url.protocol === 'https:'
    ? { url, send: https.request, agent: new https.Agent({ ...idle, ...tls }) }
    : { url, send: http.request, agent: new http.Agent(idle) };
}

/** Headers that are about one connection and not about the message. */
const hopByHop: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'upgrade']);

function endToEnd(headers: http.IncomingHttpHeaders): http.OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)));
}

/** Passes an answer on as it comes; resolves when all of it is with the operator's kernel. */
async function passOn(answer: http.IncomingMessage, { response, gone, isEndless }: Wire): Promise<void> {
  if (response.destroyed) {
    answer.resume();
    return;
  }
  response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
  response.flushHeaders();
  answer.once('error', () => reset(response));
  // An answer without a reader must not keep its connection permanently.
  void gone.then(() => answer.resume());
  answer.pipe(response);
  if (isEndless) return;
  await Promise.race([new Promise((resolve) => response.once('finish', resolve)), gone]);
}

/** Passes an answer on line by line, as they come. */
async function passEdited(answer: http.IncomingMessage, edit: EditLine, wire: Wire): Promise<void> {
  const { response } = wire;
  if (answer.statusCode !== 200) return passOn(answer, wire);
  // What comes of it is of another length.
  const { 'content-length': _, ...headers } = endToEnd(answer.headers);
  response.writeHead(200, headers);
  response.flushHeaders();
  try {
    for await (const line of createInterface({ input: answer })) {
      const edited = edit(line);
      if ('cut' in edited) {
        response.write(edited.cut, () => reset(response));
        answer.destroy();
        return;
      }
      for (const each of edited) response.write(`${each}\n`);
    }
    response.end();
  } catch {
    reset(response);
  }
}

/** Reads an answer to its end and drops it. */
async function swallow(answer: http.IncomingMessage, isEndless: boolean): Promise<void> {
  if (isEndless) answer.destroy();
  else await buffer(answer);
}

function reset({ socket }: http.ServerResponse): void {
  // One whose other end is gone is being closed already: resetting it now would fail, and its close event would never come.
  if (socket?.writable === true) socket.resetAndDestroy();
  else socket?.destroy();
}
