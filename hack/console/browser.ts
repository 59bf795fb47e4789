/** A headless Chromium, driven over its own protocol (CDP). */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** The first of the usual names that starts, or that of the variable CHROMIUM. */
function findChromium(): string {
  const { CHROMIUM: chosen } = process.env;
  const found = (chosen === undefined ? names : [chosen]).find((name) => spawnSync(name, ['--version']).status === 0);
  if (found === undefined) throw new Error('Chromium not found: install it, or set CHROMIUM to its path.');
  return found;
}

/** It loads only pages of this host, and asks no other host for anything. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
  '--remote-debugging-port=0',
];

type Fields = Readonly<Record<string, unknown>>;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Fields;
  readonly result?: Fields;
  readonly error?: { readonly message: string };
}

export interface View {
  /** CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly isDark?: boolean;
}

/** One browser with one page. */
export class Browser implements AsyncDisposable {
  /** Uncaught errors of the page, what it wrote to its console as an error, and requests that failed. */
  readonly errors: string[] = [];
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (message: Message) => void>();
  #id = 0;

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.#child = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#receive(String(data)));
  }

  static async start(): Promise<Browser> {
    const profile = mkdtempSync(path.join(tmpdir(), 'vps247-chromium-'));
    const child = spawn(findChromium(), [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    try {
      const { port } = new URL(await addressOf(child));
      const pages: unknown = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
      // `as`: the format of CDP.
      const page = (pages as readonly { readonly type: string; readonly webSocketDebuggerUrl: string }[]).find(
        ({ type }) => type === 'page',
      );
      if (page === undefined) throw new Error('Chromium has no page');
      const socket = new WebSocket(page.webSocketDebuggerUrl);
      await once(socket, 'open');
      const browser = new Browser(child, profile, socket);
      for (const domain of ['Page', 'Runtime', 'Log']) await browser.#call(`${domain}.enable`);
      return browser;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  async open(url: string, { width, height, isDark = false }: View): Promise<void> {
    const isPhone = width < 600;
    await this.#call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: isPhone });
    const features = [{ name: 'prefers-color-scheme', value: isDark ? 'dark' : 'light' }];
    await this.#call('Emulation.setEmulatedMedia', { features });
    await this.#call('Page.navigate', { url });
  }

  /** The value of an expression in the page, which may be a promise. */
  async evaluate<T>(expression: string): Promise<T> {
    const parameters = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.#call('Runtime.evaluate', parameters);
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    // `as`: the caller knows what its expression returns.
    return (result as { readonly value: T }).value;
  }

  /** Waits until an expression is true. */
  async until(expression: string, milliseconds = 10_000): Promise<void> {
    const deadline = performance.now() + milliseconds;
    while (!(await this.evaluate<boolean>(`Boolean(${expression})`))) {
      if (performance.now() > deadline)
        throw new Error([`not true after ${milliseconds} ms: ${expression}`, ...this.errors].join('\n'));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Presses and releases a key of the keyboard. */
  async press(key: 'Tab' | 'Enter' | 'Space'): Promise<void> {
    const known = { Tab: [9, '\t'], Enter: [13, '\r'], Space: [32, ' '] } as const;
    const [windowsVirtualKeyCode, text] = known[key];
    const parameters = { key: key === 'Space' ? ' ' : key, code: key, windowsVirtualKeyCode };
    await this.#call('Input.dispatchKeyEvent', { type: 'keyDown', text: key === 'Tab' ? '' : text, ...parameters });
    await this.#call('Input.dispatchKeyEvent', { type: 'keyUp', ...parameters });
  }

  async type(text: string): Promise<void> {
    await this.#call('Input.insertText', { text });
  }

  /** The whole page, as a PNG. */
  async screenshot(file: string): Promise<void> {
    const { data } = await this.#call('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
    writeFileSync(file, Buffer.from(String(data), 'base64'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  async #call(method: string, params: Fields = {}): Promise<Fields> {
    const id = ++this.#id;
    const { promise, resolve } = Promise.withResolvers<Message>();
    this.#waiting.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result = {}, error } = await promise;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  #receive(text: string): void {
    // `as`: the format of CDP.
    const message = JSON.parse(text) as Message;
    if (message.id !== undefined) {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    } else if (isError(message)) this.errors.push(JSON.stringify(message.params));
  }
}

function isError({ method, params = {} }: Message): boolean {
  if (method === 'Runtime.exceptionThrown') return true;
  if (method === 'Runtime.consoleAPICalled') return params['type'] === 'error';
  if (method !== 'Log.entryAdded') return false;
  // `as`: the format of CDP.
  return (params['entry'] as { readonly level?: string }).level === 'error';
}

/** Chromium prints the address that it listens on. */
async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stderr === null) throw new Error('Chromium has no standard error');
  const lines: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    const [, address] = /^DevTools listening on (\S+)/.exec(line) ?? [];
    if (address !== undefined) return address;
    lines.push(line);
  }
  throw new Error(`Chromium ended: ${lines.slice(-5).join('\n')}`);
}
