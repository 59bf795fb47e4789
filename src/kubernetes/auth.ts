import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { KubeConfig, User } from '@kubernetes/client-node';
import type { Clock } from '../domain/clock.ts';
import { KubeError } from './errors.ts';

/** What TLS needs to know, in the form of node:tls's options. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: false;
  readonly servername?: string;
}

/** Who calls, and how the server is recognized: as of one moment. */
export interface Identity {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
}

/** Where the identity comes from. Both throw KubeError `Unauthorized` when there is none to be had. */
export interface Credentials {
  /** The identity as of now; cheap, to be asked before every request. */
  current(): Promise<Identity>;
  /** Reads it again, because the server refused it; answers whether it is another one now. */
  refresh(): Promise<boolean>;
}

/** One part of the identity. `isFresh`: what was read before doesn't count. */
type Read<T> = (isFresh: boolean) => Promise<T>;
type Headers = Readonly<Record<string, string>>;

/**
 * Files are replaced long before what is in them expires; this is how late that may be noticed. Milliseconds. A token, a client
 * certificate and the cluster's CA are all rotated under a running process.
 */
const fileLifetime = 10_000;

/** Finds the way the kubeconfig's current user proves who it is, and its cluster does. Every file is read again as it changes. */
export function createCredentials(config: KubeConfig, clock: Clock): Credentials {
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  const impersonation: Headers = user?.impersonateUser ? { 'impersonate-user': user.impersonateUser } : {};
  const fixed: TlsOptions = {
    ...(cluster?.skipTLSVerify ? { rejectUnauthorized: false } : {}),
    ...(cluster?.tlsServerName ? { servername: cluster.tlsServerName } : {}),
  };
  const parts = {
    ca: textOf('CA file', cluster?.caData, cluster?.caFile, clock),
    cert: textOf('client certificate', user?.certData, user?.certFile, clock),
    key: textOf('client key', user?.keyData, user?.keyFile, clock),
  };
  const proof = proofOf(config, user, clock);
  let last: Identity | undefined;

  async function read(isFresh: boolean): Promise<Identity> {
    const [ca, cert, key, { headers, tls }] = await Promise.all([
      parts.ca(isFresh),
      parts.cert(isFresh),
      parts.key(isFresh),
      proof(isFresh),
    ]);
    last = {
      headers: { ...impersonation, ...headers },
      tls: {
        ...fixed,
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...tls,
      },
    };
    return last;
  }

  return {
    current: () => read(false),
    async refresh() {
      const before = last;
      return JSON.stringify(await read(true)) !== JSON.stringify(before);
    },
  };
}

/** A text that the kubeconfig holds itself, or names the file of. */
function textOf(
  what: string,
  data: string | undefined,
  file: string | undefined,
  clock: Clock,
): Read<string | undefined> {
  if (data) {
    const text = Buffer.from(data, 'base64').toString();
    return () => Promise.resolve(text);
  }
  return file ? fileReader(what, file, clock) : () => Promise.resolve(undefined);
}

function fileReader(what: string, file: string, clock: Clock): Read<string> {
  let text: string | undefined;
  let readAt = 0;
  return async (isFresh) => {
    if (text !== undefined && !isFresh && clock.monotonic() - readAt < fileLifetime) return text;
    try {
      text = await readFile(file, 'utf8');
      readAt = clock.monotonic();
    } catch {
      // The kubelet swaps files; the text just used is good for a while.
      if (text === undefined) throw new KubeError(`cannot read the ${what} ${file}`, { reason: 'Unauthorized' });
    }
    return text;
  };
}

function proofOf(config: KubeConfig, user: User | null, clock: Clock): Read<Identity> {
  // `any` in the library's types: the file's own text.
  const tokenFile: unknown = user?.authProvider?.config?.tokenFile;
  if (typeof tokenFile === 'string') {
    const token = fileReader('token file', tokenFile, clock);
    return async (isFresh) => ({ headers: bearer(await token(isFresh)), tls: {} });
  }
  if (user?.exec || user?.authProvider) return () => askPlugin(config);
  const identity: Identity = { headers: staticHeaders(user), tls: {} };
  return () => Promise.resolve(identity);
}

function bearer(token: string): Headers {
  return { authorization: `Bearer ${token.trim()}` };
}

function staticHeaders(user: User | null): Headers {
  if (user?.token) return bearer(user.token);
  if (!user?.username) return {};
  return { authorization: `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}` };
}

/** Exec plugins and the cloud providers' own ways: client-node runs them, and keeps what they say until it expires. */
async function askPlugin(config: KubeConfig): Promise<Identity> {
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
    headers: authorization === undefined ? {} : { authorization },
    tls: cert && key ? { cert: String(cert), key: String(key) } : {},
  };
}
