import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KubeConfig, loadYaml } from '@kubernetes/client-node';

export type { KubeConfig };

/** The library's, which knows no `tokenFile`: a file with a token that is rotated, as projected service account tokens are. */
class FileConfig extends KubeConfig {
  override loadFromFile(file: string): void {
    super.loadFromFile(file);
    const tokenFiles = readTokenFiles(file);
    this.users = this.users.map((user) => {
      const tokenFile = tokenFiles.get(user.name);
      // As the library has it for the service account of a pod. Of a token and its file the file counts, as for kubectl.
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
  // The library has just understood the same text.
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
  /** A file; it wins over the other sources. */
  readonly kubeconfig?: string | undefined;
  /** The variable KUBECONFIG: files, of which the first one that names a thing counts. */
  readonly variable?: string | undefined;
}

/**
 * Which cluster to talk to, and as whom: the file `kubeconfig`, else the files of `variable`, `~/.kube/config`, or the service
 * account of the pod this runs in. Throws an Error of one sentence that says what to do.
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

/** The library's default when it finds nothing: a server that the user never named. */
function isFallback(config: KubeConfig): boolean {
  return (
    config.getCurrentContext() === 'loaded-context' && config.getCurrentCluster()?.server === 'http://localhost:8080'
  );
}

/** What is wrong with the file, in one line. It holds credentials, which the parser's message may quote: of that only the place is taken. */
function read(config: KubeConfig, [first, ...more]: readonly string[]): string | undefined {
  try {
    if (first === undefined) config.loadFromDefault();
    else config.loadFromFile(first);
    for (const file of more) {
      const further = new FileConfig();
      further.loadFromFile(file);
      // The first context counts, as for kubectl.
      config.mergeConfig(further, Boolean(config.currentContext));
    }
    return undefined;
  } catch (error) {
    const [message = ''] = error instanceof Error ? error.message.split('\n') : ['unreadable'];
    const [, line, column] = /\((\d+):(\d+)\)$/.exec(message) ?? [];
    return line === undefined ? message : `it is not valid YAML: line ${line}, column ${column}`;
  }
}

/** The namespace that this program runs in: of its pod's service account, or what the kubeconfig's context says. */
export function namespaceOf(config: KubeConfig): string | undefined {
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace?.trim();
  return namespace === '' ? undefined : namespace;
}
