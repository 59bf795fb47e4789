import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { KubeConfig, User } from '@kubernetes/client-node';
import type { Clock } from '../domain/clock.ts';
import { KubeError } from './errors.ts';

/** TLS options, in the form of node:tls. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: false;
  readonly servername?: string;
}

/** The client's credentials and the server's CA at one moment. */
export interface Identity {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
}

/** The source of the identity. Both methods throw KubeError `Unauthorized` if there is none. */
export interface Credentials {
  /** The present identity. Cheap: called before every request. */
  current(): Promise<Identity>;
  /** Reads the identity again because the server rejected it. Returns whether it changed. */
  refresh(): Promise<boolean>;
}

/** One part of the identity. `isFresh`: ignores what was read before. */
type Read<T> = (isFresh: boolean) => Promise<T>;
type Headers = Readonly<Record<string, string>>;

/**
 * How often files are checked for a change, in milliseconds. They are replaced long before their contents expire: the
 * token, the client certificate and the cluster's CA are all rotated while the process runs.
 */
const fileLifetime = 10_000;

/** The identity of the current user and cluster of the kubeconfig. Files are read again when they change. */
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

/** A text in the kubeconfig, or in the file that it names. */
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
      // The kubelet replaces files atomically. The previous content stays valid for a while.
      if (text === undefined) throw new KubeError(`cannot read the ${what} ${file}`, { reason: 'Unauthorized' });
    }
    return text;
  };
}

function proofOf(config: KubeConfig, user: User | null, clock: Clock): Read<Identity> {
  // `any` in the library's types: the content of the file.
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

/**
 * Exec plugins and the authentication of cloud providers. client-node runs them, and caches their result until it
 * expires.
 */
async function askPlugin(config: KubeConfig): Promise<Identity> {
  const options: RequestOptions & { headers: Record<string, string> } = { headers: {} };
  try {
    await config.applyToHTTPSOptions(options);
  } catch {
    // The message is the plugin's standard error, which can contain secrets.
    throw new KubeError("the kubeconfig's credential plugin failed", { reason: 'Unauthorized' });
  }
  const authorization = options.headers['Authorization'];
  const { cert, key } = options;
  return {
    headers: authorization === undefined ? {} : { authorization },
    tls: cert && key ? { cert: String(cert), key: String(key) } : {},
  };
}
