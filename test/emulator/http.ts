import { createManualClock } from '../../emulator/clock.ts';
import { createEmulator, type Emulator, type EmulatorOptions } from '../../emulator/emulator.ts';
import { serve } from '../../emulator/server.ts';
import { Agent, request } from 'undici';
import { latencies, order, type Body } from './visitor.ts';

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface HttpVisit extends AsyncDisposable {
  readonly emulator: Emulator;
  readonly url: string;
  advance(milliseconds: number): void;
  call(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<HttpReply>;
  create(name: string): Promise<Body>;
}

/** The emulator behind a real server, on a clock that stands still. Redirects are not followed. */
export async function visitOverHttp(options: Partial<EmulatorOptions> = {}): Promise<HttpVisit> {
  const clock = createManualClock();
  const emulator = createEmulator({ accounts: [{ ownerId: 1, keys: ['ours'] }], clock, latencies, ...options });
  const server = await serve(emulator);
  const agent = new Agent();

  const call: HttpVisit['call'] = async (method, path, body, signal) => {
    const response = await request(`${server.url}${path}`, {
      dispatcher: agent,
      // Undici's type names the methods; these are among them.
      method: method as 'GET',
      headers: { 'x-api-key': 'ours' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
  };

  return {
    emulator,
    url: server.url,
    advance: (milliseconds) => clock.advance(milliseconds),
    call,
    create: async (name) => {
      const { text } = await call('POST', '/virtual_machines', { ...order, name });
      // What is not there fails the test that looks for it.
      return JSON.parse(text) as Body;
    },
    [Symbol.asyncDispose]: async () => {
      await agent.destroy();
      await server.close();
    },
  };
}
