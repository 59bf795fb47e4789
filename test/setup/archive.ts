/** An archive as envtest's are, of stand-ins of the programs, and a mirror that has it. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Archive } from '../../hack/control-plane/envtest.ts';
import type { Scratch } from './scratch.ts';

export const pathOnMirror = '/envtest-v1.99.0/envtest-v1.99.0-linux-amd64.tar.gz';

export interface MadeArchive extends Archive {
  readonly content: Buffer;
}

export function makeArchive(scratch: Scratch, programs = ['etcd', 'kube-apiserver', 'kubectl']): MadeArchive {
  mkdirSync(scratch.at('controller-tools', 'envtest'), { recursive: true });
  for (const name of programs) scratch.program(`../controller-tools/envtest/${name}`, `echo ${name}`);
  spawnSync('tar', ['-czf', scratch.at('archive.tar.gz'), '-C', scratch.path, 'controller-tools']);
  const content = readFileSync(scratch.at('archive.tar.gz'));
  const hash = createHash('sha512').update(content).digest('hex');
  // The host of a mirror takes its place.
  return { version: 'v1.99.0', url: `http://releases.invalid/releases/download${pathOnMirror}`, hash, content };
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server of files on this machine. It answers with these, in order, and from then on with the last one. */
export class Mirror implements AsyncDisposable {
  readonly #server = createServer();
  readonly #answers: Answer[];
  /** Of each request, what was asked for, and from where on. */
  readonly requests: string[] = [];

  private constructor(answers: Answer[]) {
    this.#answers = answers;
    this.#server.on('request', (request, response) => {
      this.requests.push(`${request.url} ${request.headers.range ?? 'all'}`);
      const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
      answer?.(request, response);
    });
  }

  static async start(...answers: Answer[]): Promise<Mirror> {
    const mirror = new Mirror(answers);
    await new Promise<void>((resolve) => mirror.#server.listen(0, '127.0.0.1', resolve));
    return mirror;
  }

  get url(): string {
    // `as`: it listens on a port.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The file, or what is behind a place in it. */
export const whole =
  (content: Buffer): Answer =>
  ({ headers }, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    if (headers.range !== undefined && start >= content.length) return void response.writeHead(416).end();
    response.writeHead(headers.range === undefined ? 200 : 206, { 'content-length': content.length - start });
    response.end(content.subarray(start));
  };

/** As a server that knows no ranges. */
export const alwaysAll =
  (content: Buffer): Answer =>
  (_request, response) =>
    void response.writeHead(200, { 'content-length': content.length }).end(content);

/** The first half of the file; then, once that many bytes have arrived, the connection breaks, or says no more. */
export const half =
  (content: Buffer, end: 'breaks' | 'stalls', arrived: () => number): Answer =>
  (_request, response) => {
    const part = content.subarray(0, content.length / 2);
    response.writeHead(200, { 'content-length': content.length }).write(part);
    const ticker = setInterval(() => {
      if (arrived() < part.length) return;
      clearInterval(ticker);
      if (end === 'breaks') response.destroy();
    }, 5);
    response.once('close', () => clearInterval(ticker));
  };

export const status =
  (code: number): Answer =>
  (_request, response) =>
    void response.writeHead(code).end('no');

export const broken: Answer = (_request, response) => void response.destroy();

export const silent: Answer = () => {};
