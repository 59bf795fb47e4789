/**
 * The base URL without a trailing slash. Throws for one over which the API key must not travel: plain http to another
 * machine (unless `insecure`), a URL with user and password, or none at all. The message names the setting, not its value.
 */
export function checkBaseUrl(baseUrl: string, insecure: boolean): string {
  if (!URL.canParse(baseUrl)) throw new Error('baseUrl is not a URL');
  const url = new URL(baseUrl);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error('baseUrl must begin with https://');
  if (url.protocol === 'http:' && !insecure && !isLoopback(url.hostname)) {
    throw new Error('baseUrl must begin with https://; plain http to another machine needs the setting insecure');
  }
  if (url.username !== '' || url.password !== '') throw new Error('baseUrl must not hold a user name or a password');
  if (url.search !== '' || url.hash !== '') throw new Error('baseUrl must not hold a query or a fragment');
  return url.href.replace(/\/+$/, '');
}

/** Whether the host of a URL is this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
