/** What a Prometheus reads because of a ServiceMonitor or PodMonitor, by the rules of the Prometheus Operator, as far as we make use of them. */
import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '../packaging/manifests.ts';

type Labels = Readonly<Record<string, string>>;

/** A port of a container that is read. */
export interface Target {
  readonly namespace: string | undefined;
  /** `Deployment/vps247-operator`, whose Pods are meant. */
  readonly workload: string;
  readonly port: number;
  readonly path: string;
}

interface Port {
  readonly name: string;
  readonly containerPort: number;
}

/** The Pods of one workload, or one that stands alone. */
interface Pods {
  readonly namespace: string | undefined;
  readonly workload: string;
  readonly labels: Labels;
  readonly ports: readonly Port[];
}

/** What is read among these objects: Services, Deployments and Pods; others are passed over. */
export function targetsOf(monitor: Manifest, objects: readonly Manifest[]): readonly Target[] {
  const { selector, namespaceSelector = {}, endpoints = [], podMetricsEndpoints = [] } = monitor['spec'];
  const names: readonly string[] = namespaceSelector.matchNames ?? [];
  const places: readonly (string | undefined)[] = names.length > 0 ? names : [monitor.metadata.namespace];
  const isThere = ({ namespace }: { readonly namespace?: string | undefined }): boolean =>
    namespaceSelector.any === true || places.includes(namespace);
  const pods = podsOf(objects);

  const byService = objects
    .filter(({ kind, metadata }) => kind === 'Service' && isThere(metadata) && chooses(selector, metadata.labels))
    .flatMap(({ metadata, spec }) =>
      endpoints.flatMap(({ port, path }: Endpoint) =>
        (spec.ports as readonly ServicePort[])
          .filter(({ name }) => name === port)
          .flatMap(({ targetPort, port: number }) =>
            pods
              .filter(({ namespace }) => namespace === metadata.namespace)
              .filter(({ labels }) => chooses({ matchLabels: spec.selector }, labels))
              .flatMap((chosen) => targetsAt(chosen, targetPort ?? number, path)),
          ),
      ),
    );
  const byPod = pods
    .filter((each) => isThere(each) && chooses(selector, each.labels))
    .flatMap((chosen) => podMetricsEndpoints.flatMap(({ port, path }: Endpoint) => targetsAt(chosen, port, path)));
  return monitor.kind === 'ServiceMonitor' ? byService : byPod;
}

interface Endpoint {
  /** The name of a port: of the Service, or of a container. */
  readonly port: string;
  readonly path?: string;
}

interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly targetPort?: number | string;
}

function targetsAt({ namespace, workload, ports }: Pods, port: number | string, path = '/metrics'): readonly Target[] {
  return ports
    .filter(({ name, containerPort }) => port === name || port === containerPort)
    .map(({ containerPort }) => ({ namespace, workload, port: containerPort, path }));
}

function podsOf(objects: readonly Manifest[]): readonly Pods[] {
  return objects.flatMap(({ kind, metadata, spec }) => {
    if (kind !== 'Deployment' && kind !== 'Pod') return [];
    const pod: Manifest = kind === 'Pod' ? { metadata, spec } : spec.template;
    const ports = pod['spec'].containers.flatMap(
      (container: { readonly ports?: readonly Port[] }) => container.ports ?? [],
    );
    const { namespace, name } = metadata;
    return [{ namespace, workload: `${kind}/${name}`, labels: pod.metadata.labels ?? {}, ports }];
  });
}

/** Throws for a selector of a kind that none of ours is. */
function chooses(selector: { readonly matchLabels?: Labels }, labels: Labels = {}): boolean {
  const { matchLabels = {}, ...rest } = selector;
  if (!isDeepStrictEqual(rest, {})) throw new Error(`not understood: ${JSON.stringify(rest)}`);
  return Object.entries(matchLabels).every(([name, value]) => labels[name] === value);
}
