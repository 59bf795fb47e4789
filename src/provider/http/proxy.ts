import type { ProxyEnv } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { Secret } from '../../domain/secret.ts';
import { isLoopback } from '../../domain/base-url.ts';

/** The proxy between the operator and the provider. */
export interface Proxy {
  /** Host and port, for people. */
  readonly address: string;
  /** As Node's agents take it. */
  readonly env: ProxyEnv;
  readonly password?: Secret;
}

/**
 * The proxy that the environment names for this base URL: `HTTPS_PROXY` for https, `HTTP_PROXY` for http, without those that
 * `NO_PROXY` exempts; lower-case variables win, as for curl and Go. Never one for this machine, to which alone the API key
 * may travel in clear text. Throws a sentence about a variable that can't be used, without its value: it may hold a password.
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

/** Whether an entry of `NO_PROXY` means this host: a name with all below it, an address or range of addresses, or everything. */
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

/** Undefined when Node's agents would throw at it, with the value in their message, or pass it over without a word. */
function parse(text: string): URL | undefined {
  try {
    const url = new URL(text);
    decodeURIComponent(`${url.username}:${url.password}`);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
  } catch {
    return undefined;
  }
}
