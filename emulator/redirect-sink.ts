import type { IncomingHttpHeaders } from 'node:http';
import { listen, type Listening } from './listen.ts';

export interface RedirectedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface RedirectSink extends Listening {
  /** Every request that came, in order: nobody should have followed a redirect here, least of all with a key. */
  readonly requests: readonly RedirectedRequest[];
}

/** Another server, for redirects to point to. It keeps what it is told, keys included. */
export async function serveRedirectSink(): Promise<RedirectSink> {
  const requests: RedirectedRequest[] = [];
  const server = await listen(
    (request, response) => {
      requests.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers });
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('[]');
    },
    '127.0.0.1',
    0,
  );
  return { ...server, requests };
}
