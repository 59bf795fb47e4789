import type { IncomingHttpHeaders } from 'node:http';

/** What the guard reads of a request. */
export interface Requester {
  readonly remoteAddress: string | undefined;
  readonly headers: Pick<IncomingHttpHeaders, 'host' | 'origin' | 'sec-fetch-site'>;
}

/**
 * Why a request for the console or the control API is refused, as a sentence; undefined if it isn't. Both need no key,
 * and any page that a browser has open can send requests to this host. Worked table, the first row that applies:
 *
 * | from          | Host         | Origin or Sec-Fetch-Site | then                                                    |
 * | ------------- | ------------ | ------------------------ | ------------------------------------------------------- |
 * | another host  | any          | any                      | refused                                                 |
 * | this host     | another name | any                      | refused: a page's name was resolved to this host        |
 * | this host     | this host    | another page             | refused, unless the page may be opened by a link         |
 * | this host     | this host    | none, or the console     | accepted                                                |
 */
export function whyRefused(
  { remoteAddress, headers }: Requester,
  { mayComeFromOthers = false } = {},
): string | undefined {
  if (!isLoopback(remoteAddress)) return 'The control API can be used from the local host only.';
  const { host = '', origin, 'sec-fetch-site': site = 'none' } = headers;
  if (!isLoopbackName(host))
    return 'The control API can be used only by an address of the local host, such as 127.0.0.1.';
  if (mayComeFromOthers) return undefined;
  const isOwn = (origin === undefined || origin === `http://${host}`) && (site === 'none' || site === 'same-origin');
  return isOwn ? undefined : 'The control API cannot be used by pages of other origins.';
}

function isLoopback(address: string | undefined): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address ?? '');
}

function isLoopbackName(host: string): boolean {
  return /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/i.test(host);
}
