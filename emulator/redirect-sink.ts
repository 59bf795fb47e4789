import type { IncomingHttpHeaders } from 'node:http';
import { listen, type Listening } from './listen.ts';

export interface RedirectedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface RedirectSink extends Listening {
  /** All requests in order. A client must not follow a redirect here, least of all with a key. */
  readonly requests: readonly RedirectedRequest[];
}

/** Another server, as the target of redirects. It records requests including keys. */
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
