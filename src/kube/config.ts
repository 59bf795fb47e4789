import { KubeConfig } from '@kubernetes/client-node';

export type { KubeConfig };

/**
 * Which cluster to talk to, and as whom: the file `kubeconfig`, else `$KUBECONFIG`, `~/.kube/config`, or the service
 * account of the pod this runs in. Throws an Error of one sentence that says what to do.
 */
export function loadKubeConfig({ kubeconfig }: { readonly kubeconfig?: string | undefined }): KubeConfig {
  const config = new KubeConfig();
  const complaint = read(config, kubeconfig);
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

/** What the library makes up when it finds nothing: a server nobody named, which at best is not the one that was meant. */
function isFallback(config: KubeConfig): boolean {
  return (
    config.getCurrentContext() === 'loaded-context' && config.getCurrentCluster()?.server === 'http://localhost:8080'
  );
}

/** What is wrong with the file, in one line. It holds credentials, which the parser's message may quote: of that only the place is taken. */
function read(config: KubeConfig, kubeconfig: string | undefined): string | undefined {
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
    return undefined;
  } catch (error) {
    const [message = ''] = error instanceof Error ? error.message.split('\n') : ['unreadable'];
    const [, line, column] = /\((\d+):(\d+)\)$/.exec(message) ?? [];
    return line === undefined ? message : `it is no YAML in line ${line}, column ${column}`;
  }
}

/** The namespace that this program runs in: of its pod's service account, or what the kubeconfig's context says. */
export function namespaceOf(config: KubeConfig): string | undefined {
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace?.trim();
  return namespace === '' ? undefined : namespace;
}
