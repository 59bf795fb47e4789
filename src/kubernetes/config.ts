import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KubeConfig, loadYaml } from '@kubernetes/client-node';

export type { KubeConfig };

/** The library's type, without `tokenFile`: a file with a rotated token, such as a projected service account token. */
class FileConfig extends KubeConfig {
  override loadFromFile(file: string): void {
    super.loadFromFile(file);
    const tokenFiles = readTokenFiles(file);
    this.users = this.users.map((user) => {
      const tokenFile = tokenFiles.get(user.name);
      // Like the library's for the service account of a Pod. If there is a token and a file, the file counts, as in
      // kubectl.
      return tokenFile === undefined
        ? user
        : {
            ...user,
            authProvider: { name: 'tokenFile', config: { tokenFile: path.resolve(path.dirname(file), tokenFile) } },
          };
    });
  }
}

/** By user. */
function readTokenFiles(file: string): ReadonlyMap<string, string> {
  // The library has already parsed this text.
  const { users } = loadYaml<{ readonly users?: readonly { readonly name: string; readonly user?: unknown }[] | null }>(
    readFileSync(file, 'utf8'),
  );
  return new Map(
    (users ?? []).flatMap(({ name, user }) => {
      if (typeof user !== 'object' || user === null || !('tokenFile' in user)) return [];
      return typeof user.tokenFile === 'string' && user.tokenFile !== '' ? [[name, user.tokenFile]] : [];
    }),
  );
}

export interface KubeConfigSource {
  /** A file. It takes precedence over the other sources. */
  readonly kubeconfig?: string | undefined;
  /** The variable KUBECONFIG: files. For each entry, the first file that names it counts. */
  readonly variable?: string | undefined;
}

/**
 * The cluster and the credentials: from the file `kubeconfig`, otherwise from the files of `variable`,
 * `~/.kube/config`, or the service account of the Pod. Throws an Error with one sentence that includes the fix.
 */
export function loadKubeConfig({ kubeconfig, variable = '' }: KubeConfigSource): KubeConfig {
  const config = new FileConfig();
  const files = kubeconfig === undefined ? variable.split(path.delimiter).filter((file) => file !== '') : [kubeconfig];
  const complaint = read(config, files);
  if (complaint !== undefined) {
    throw new Error(`Cannot read the kubeconfig${kubeconfig === undefined ? '' : ` ${kubeconfig}`}: ${complaint}`);
  }
  if (isFallback(config)) {
    throw new Error('No cluster to talk to: set KUBECONFIG or --kubeconfig, or run in a pod with a service account.');
  }
  const context = config.getContextObject(config.getCurrentContext());
  const cluster = config.getCurrentCluster();
  if (context === null) {
    throw new Error(`The kubeconfig has no context "${config.getCurrentContext()}"; set its current-context.`);
  }
  if (cluster === null) {
    throw new Error(
      `The kubeconfig's context "${context.name}" names the cluster "${context.cluster}", which it lacks.`,
    );
  }
  if (!URL.canParse(cluster.server) || !/^https?:/.test(cluster.server)) {
    throw new Error(`The kubeconfig's cluster "${cluster.name}" has no http(s) URL as its server.`);
  }
  if (cluster.proxyUrl) {
    throw new Error(`The kubeconfig's cluster "${cluster.name}" sets proxy-url, which is not supported.`);
  }
  return config;
}

/** The library's default if it finds nothing: a server that the user didn't name. */
function isFallback(config: KubeConfig): boolean {
  return (
    config.getCurrentContext() === 'loaded-context' && config.getCurrentCluster()?.server === 'http://localhost:8080'
  );
}

/**
 * The problem with the file, in one line. The file contains credentials, which the parser's message can quote, so only
 * the position is reported.
 */
function read(config: KubeConfig, [first, ...more]: readonly string[]): string | undefined {
  try {
    if (first === undefined) config.loadFromDefault();
    else config.loadFromFile(first);
    for (const file of more) {
      const further = new FileConfig();
      further.loadFromFile(file);
      // The first context counts, as in kubectl.
      config.mergeConfig(further, Boolean(config.currentContext));
    }
    return undefined;
  } catch (error) {
    const [message = ''] = error instanceof Error ? error.message.split('\n') : ['unreadable'];
    const [, line, column] = /\((\d+):(\d+)\)$/.exec(message) ?? [];
    return line === undefined ? message : `it is not valid YAML: line ${line}, column ${column}`;
  }
}

/** The namespace of this program: of its Pod's service account, or of the kubeconfig's context. */
export function namespaceOf(config: KubeConfig): string | undefined {
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace?.trim();
  return namespace === '' ? undefined : namespace;
}
