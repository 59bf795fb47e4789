import type { IncomingMessage, ServerResponse } from 'node:http';
import { json, type Response } from './response.ts';
import { controlPrefix, createControl } from './control-api.ts';
import { streamState } from './live-state.ts';
import { type Requester, whyRefused } from './local-request.ts';
import { sendResponse } from './send-response.ts';
import type { Emulator } from './emulator.ts';
import { listen, type Listening } from './listen.ts';
import { consolePage } from './front-page.ts';

/** Server-sent events for the page, beside the control API. */
const eventsPath = `${controlPrefix}events`;
const largestBody = 1_048_576;

/**
 * Serves the emulator over HTTP: the provider's paths, the control API and the console for browsers. Listens on the loopback
 * address by default.
 */
export async function serve(
  emulator: Emulator,
  { host = '127.0.0.1', port = 0 }: { readonly host?: string; readonly port?: number } = {},
): Promise<Listening> {
  const control = createControl(emulator);

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://emulator');
    const { remoteAddress, localAddress, localPort } = request.socket;
    const { method = '', headers } = request;
    const requester = { remoteAddress, headers };
    const own = `http://${localAddress?.includes(':') === true ? `[${localAddress}]` : localAddress}:${localPort}`;
    const answer = (value: Response): void => sendResponse({ kind: 'answer', answer: value }, response, emulator);
    const page = method === 'GET' && mayShowPage(requester) ? consolePage(emulator, own, pathname) : undefined;
    if (body === undefined) {
      answer(json(413, { error: 'The body is too large' }));
    } else if (page !== undefined) {
      answer(page);
    } else if (method === 'GET' && pathname === eventsPath && whyRefused(requester) === undefined) {
      streamState(emulator, response);
    } else if (pathname.startsWith(controlPrefix)) {
      answer(await control({ method, pathname, searchParams, body, ...requester }));
    } else {
      receive(emulator, request, response, pathname, body);
    }
  }

  // Reading fails when the client disconnects before the end of its request; then nothing can be sent.
  return listen((request, response) => void handle(request, response).catch(() => response.destroy()), host, port);
}

/** A link on another page may open it: it changes nothing, and no other page can read it. */
function mayShowPage(requester: Requester): boolean {
  return whyRefused(requester, { mayComeFromOthers: true }) === undefined;
}

function receive(
  emulator: Emulator,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  body: string,
): void {
  const key = request.headers['x-api-key'];
  const ended = emulator.receive(
    {
      method: request.method ?? '',
      path,
      key: typeof key === 'string' ? key : undefined,
      accept: request.headers.accept,
      body,
    },
    (delivery) => sendResponse(delivery, response, emulator),
  );
  response.once('close', () => {
    if (!response.writableFinished) ended('abandoned');
  });
}

/** The whole body; undefined if it is too large for this API. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request) {
    // `as`: without an encoding, a request yields bytes.
    const bytes = chunk as Uint8Array;
    size += bytes.length;
    if (size <= largestBody) chunks.push(bytes);
  }
  return size <= largestBody ? Buffer.concat(chunks).toString('utf8') : undefined;
}
