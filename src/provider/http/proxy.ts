import type { ProxyEnv } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { Secret } from '../../domain/secret.ts';
import { isLoopback } from '../../domain/base-url.ts';

/** The proxy between the operator and the provider. */
export interface Proxy {
  /** Host and port, for messages. */
  readonly address: string;
  /** In the form that Node's agents take. */
  readonly env: ProxyEnv;
  readonly password?: Secret;
}

/**
 * The proxy for this base URL in the environment: `HTTPS_PROXY` for https, `HTTP_PROXY` for http, except for hosts in
 * `NO_PROXY`. Lower-case variables win, as in curl and Go. There is never a proxy for this host itself, the only one to
 * which the API key may be sent in plain text. Throws a sentence about a variable that can't be used, without its
 * value, which may contain a password.
 */
export function readProxy(env: Readonly<Record<string, string | undefined>>, baseUrl: string): Proxy | undefined {
  const { protocol, hostname, port } = new URL(baseUrl);
  const read = (name: string) =>
    [name, name.toUpperCase()]
      .map((variable) => ({ variable, text: env[variable]?.trim() ?? '' }))
      .find(({ text }) => text !== '');
  const named = read(protocol === 'https:' ? 'https_proxy' : 'http_proxy');
  if (named === undefined || isLoopback(hostname)) return undefined;
  const host = hostname.replaceAll(/[[\]]/g, '');
  const exempt =
    read('no_proxy')
      ?.text.toLowerCase()
      .split(/[\s,]+/) ?? [];
  if (exempt.some((entry) => covers(entry, host, port || (protocol === 'https:' ? '443' : '80')))) return undefined;

  const url = parse(named.text.includes('://') ? named.text : `http://${named.text}`);
  if (url === undefined) {
    throw new Error(`${named.variable} must be the URL of an HTTP proxy, such as http://proxy.example.com:3128.`);
  }
  const variable = protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  return {
    address: url.host,
    env: { [variable]: url.href },
    ...(url.password === '' ? {} : { password: new Secret(decodeURIComponent(url.password)) }),
  };
}

/** Whether an entry of `NO_PROXY` matches this host: a name with its subdomains, an address or range, or `*`. */
function covers(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [address = '', bits] = entry.split('/');
  if (isIP(address) !== 0) return isIP(host) !== 0 && holds(address, Number(bits ?? Number.NaN), host);
  const [name = '', only = port] = entry.replace(/^\*?\./, '').split(':');
  return name !== '' && only === port && (host === name || host.endsWith(`.${name}`));
}

function holds(address: string, bits: number, host: string): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  if (Number.isInteger(bits) && bits >= 0 && bits <= (family === 'ipv6' ? 128 : 32))
    list.addSubnet(address, bits, family);
  else list.addAddress(address, family);
  return list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}

/** Undefined if Node's agents would throw with the value in the message, or ignore it silently. */
function parse(text: string): URL | undefined {
  try {
    const url = new URL(text);
    decodeURIComponent(`${url.username}:${url.password}`);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
  } catch {
    return undefined;
  }
}
