import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { bufferFromFileOrString, type KubeConfig, type User } from '@kubernetes/client-node';
import type { Clock } from '../model/clock.ts';
import { KubeError } from './errors.ts';

/** Who calls: headers of every request, and a client certificate if a plugin hands one out. */
export interface Identity {
  readonly headers: Readonly<Record<string, string>>;
  readonly certificate?: { readonly cert: string; readonly key: string };
}

/** Where the identity comes from. Both throw KubeError `Unauthorized` when there is none to be had. */
export interface Credentials {
  /** The identity as of now; cheap, to be asked before every request. */
  current(): Promise<Identity>;
  /** Reads it anew, because the server refused it; answers whether it is another one now. */
  refresh(): Promise<boolean>;
}

/** A pod's token is replaced long before it expires; this is how late that may be noticed. */
const tokenLifetime = 10_000;

/** Finds the way the kubeconfig's current user proves who it is. */
export function createCredentials(config: KubeConfig, clock: Clock): Credentials {
  const user = config.getCurrentUser();
  const impersonation: Record<string, string> = user?.impersonateUser
    ? { 'impersonate-user': user.impersonateUser }
    : {};
  // `any` in the library's types: the file's own text.
  const tokenFile: unknown = user?.authProvider?.config?.tokenFile;
  if (typeof tokenFile === 'string') return fromTokenFile(tokenFile, impersonation, clock);
  if (user?.exec || user?.authProvider) return fromPlugin(config, impersonation);
  const identity = { headers: { ...impersonation, ...staticHeaders(user) } };
  return { current: async () => identity, refresh: async () => false };
}

function staticHeaders(user: User | null): Record<string, string> {
  if (user?.token) return { authorization: `Bearer ${user.token.trim()}` };
  if (!user?.username) return {};
  return { authorization: `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}` };
}

function fromTokenFile(file: string, headers: Readonly<Record<string, string>>, clock: Clock): Credentials {
  let token: string | undefined;
  let readAt = 0;

  async function read(): Promise<void> {
    try {
      token = (await readFile(file, 'utf8')).trim();
      readAt = clock.monotonic();
    } catch {
      // The kubelet swaps the file; the token just used is good for a while.
      if (token === undefined) throw new KubeError(`cannot read the token file ${file}`, { reason: 'Unauthorized' });
    }
  }

  return {
    async current() {
      if (token === undefined || clock.monotonic() - readAt >= tokenLifetime) await read();
      return { headers: { ...headers, authorization: `Bearer ${token}` } };
    },
    async refresh() {
      const before = token;
      await read();
      return token !== before;
    },
  };
}

/** Exec plugins and the cloud providers' own ways: client-node runs them, and keeps what they say until it expires. */
function fromPlugin(config: KubeConfig, headers: Readonly<Record<string, string>>): Credentials {
  let last: Identity | undefined;

  async function ask(): Promise<Identity> {
    const options: RequestOptions & { headers: Record<string, string> } = { headers: {} };
    try {
      await config.applyToHTTPSOptions(options);
    } catch {
      // The message is the plugin's standard error, which may hold anything.
      throw new KubeError("the kubeconfig's credential plugin failed", { reason: 'Unauthorized' });
    }
    const authorization = options.headers['Authorization'];
    const { cert, key } = options;
    return {
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      ...(cert && key ? { certificate: { cert: String(cert), key: String(key) } } : {}),
    };
  }

  return {
    current: async () => (last = await ask()),
    async refresh() {
      const before = last;
      last = await ask();
      return JSON.stringify(last) !== JSON.stringify(before);
    },
  };
}

/** What TLS needs to know, in the form of node:tls's options. */
export interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly rejectUnauthorized?: false;
  readonly servername?: string;
}

/** How the kubeconfig's cluster is to be recognised, and the user's own certificate. Throws when a file is missing. */
export function tlsOptions(config: KubeConfig): TlsOptions {
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  const ca = bufferFromFileOrString(cluster?.caFile, cluster?.caData);
  const cert = bufferFromFileOrString(user?.certFile, user?.certData);
  const key = bufferFromFileOrString(user?.keyFile, user?.keyData);
  return {
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(cluster?.skipTLSVerify ? { rejectUnauthorized: false } : {}),
    ...(cluster?.tlsServerName ? { servername: cluster.tlsServerName } : {}),
  };
}
