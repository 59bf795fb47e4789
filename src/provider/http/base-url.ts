import { parseBaseUrl } from '../../domain/base-url.ts';

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
