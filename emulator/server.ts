import type { IncomingMessage, ServerResponse } from 'node:http';
import { json, type Response } from './response.ts';
import { controlPrefix, createControl, isLoopback } from './control-api.ts';
import { sendResponse } from './send-response.ts';
import type { Emulator } from './emulator.ts';
import { listen, type Listening } from './listen.ts';
import { frontPage } from './front-page.ts';

const largestBody = 1_048_576;

/**
 * Serves the emulator over HTTP: the provider's paths, the control API and a page for browsers. Listens on the loopback
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
    const answer = (value: Response): void => sendResponse({ kind: 'answer', answer: value }, response, emulator);
    if (body === undefined) {
      answer(json(413, { error: 'The body is too large' }));
    } else if (request.method === 'GET' && pathname === '/' && isLoopback(remoteAddress)) {
      answer(
        frontPage(
          emulator,
          `http://${localAddress?.includes(':') === true ? `[${localAddress}]` : localAddress}:${localPort}`,
        ),
      );
    } else if (pathname.startsWith(controlPrefix)) {
      answer(await control({ method: request.method ?? '', pathname, searchParams, body, remoteAddress }));
    } else {
      receive(emulator, request, response, pathname, body);
    }
  }

  // Reading fails when the client disconnects before the end of its request; then nothing can be sent.
  return listen((request, response) => void handle(request, response).catch(() => response.destroy()), host, port);
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
