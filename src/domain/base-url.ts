/** A base URL for API calls. `isPlaintext`: an API key sent there crosses a network unencrypted. */
type BaseUrl =
  | { readonly kind: 'Valid'; readonly url: string; readonly isPlaintext: boolean }
  | { readonly kind: 'Invalid'; readonly problem: string };

/** Reads a URL without user, query and fragment. The problem doesn't repeat the text, which may hold a password. */
export function parseBaseUrl(text: string): BaseUrl {
  const url = URL.parse(text);
  if (url === null) return invalid('is not a URL');
  if (!/^https?:$/.test(url.protocol)) return invalid('must begin with https://');
  if (url.username !== '' || url.password !== '') return invalid('must not contain a user name or a password');
  if (url.search !== '' || url.hash !== '') return invalid('must not contain a query or a fragment');
  const isPlaintext = url.protocol === 'http:' && !isLoopback(url.hostname);
  return { kind: 'Valid', url: url.href.replace(/\/+$/, ''), isPlaintext };
}

function invalid(problem: string): BaseUrl {
  return { kind: 'Invalid', problem };
}

/** Whether the host name of a URL is a loopback address. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/**
 * The base URL without a trailing slash. Throws for a URL over which the API key must not be sent, such as plain http
 * to another host (unless `insecure`). The message names the setting, not its value.
 */
export function checkBaseUrl(baseUrl: string, insecure: boolean): string {
  const parsed = parseBaseUrl(baseUrl);
  if (parsed.kind === 'Invalid') throw new Error(`baseUrl ${parsed.problem}`);
  if (parsed.isPlaintext && !insecure) {
    throw new Error('baseUrl must begin with https://; plain http to another host needs the setting insecure');
  }
  return parsed.url;
}
