/** The plain manifests and the files for kustomize: the chart as rendered by helm, without what only Helm uses. */
import { parse } from 'yaml';
import { renderChart, type Values } from '../../test/support/helm.ts';

/** One generated, committed file. */
export interface Page {
  /** From the root of the project. */
  readonly path: string;
  readonly text: string;
}

const namespace = 'vps247-system';

/** An object with its key; `text` is one YAML document. */
interface Part {
  readonly kind: string;
  readonly key: string;
  readonly text: string;
}

const header = '# Generated from deploy/chart by `npm run generate`; do not edit.\n';

const definitions = `${header}# The CRD, and the policies with which the API server refuses to delete it and protected VirtualMachines:
#   kubectl apply -f deploy/manifests/crds.yaml
# Deleting the CRD deletes every VirtualMachine. To delete it, see docs/uninstall.md.
`;

const installation = `${header}# The operator for the whole cluster, in namespace ${namespace}. The CRD is in a separate file, so that \`kubectl delete -f\` of this file
# keeps all VirtualMachines:
#   kubectl apply -f deploy/manifests/crds.yaml -f deploy/manifests/install.yaml
`;

const namespacedInstallation = `${header}# The operator for the VMs in its namespace, ${namespace}, without permissions elsewhere. This file contains no cluster-scoped object, so the
# CRD and the namespace must exist:
#   kubectl apply -f deploy/manifests/crds.yaml
#   kubectl create namespace ${namespace}
#   kubectl apply -f deploy/manifests/install-namespaced.yaml
# For other namespaces: helm template vps247-operator deploy/chart --namespace ${namespace} --set crds.enabled=false --set 'watchNamespaces={team-a,team-b}'
`;

/** All files that are generated from the chart. Throws if helm fails. */
export async function renderManifests(): Promise<readonly Page[]> {
  const whole = await partsOf({ namespace: { create: true } });
  const namespaced = await partsOf({ crds: { enabled: false }, scope: 'Namespaced', watchNamespaces: [namespace] });
  const monitored = await partsOf({
    namespace: { create: true },
    serviceMonitor: { enabled: true },
    prometheusRule: { enabled: true },
    dashboards: { enabled: true },
  });
  // `kubectl delete -f` deletes in the order of the file: the policy must still exist when it refuses the deletion of
  // the CRD.
  const crds = whole.filter(isKept);
  const cluster = whole.filter((part) => !isKept(part));
  return [
    { path: 'deploy/manifests/crds.yaml', text: join(definitions, crds) },
    { path: 'deploy/kustomize/crds/crds.yaml', text: join(header, crds) },
    { path: 'deploy/manifests/install.yaml', text: join(installation, cluster) },
    { path: 'deploy/manifests/install-namespaced.yaml', text: join(namespacedInstallation, namespaced) },
    {
      path: 'deploy/kustomize/base/operator.yaml',
      text: join(
        header,
        cluster.filter((part) => isIn(namespaced, part)),
      ),
    },
    {
      path: 'deploy/kustomize/overlays/cluster/cluster.yaml',
      text: join(
        header,
        cluster.filter((part) => !isIn(namespaced, part)),
      ),
    },
    {
      path: 'deploy/kustomize/overlays/namespaced/roles.yaml',
      text: join(
        header,
        namespaced.filter((part) => !isIn(cluster, part)),
      ),
    },
    {
      path: 'deploy/kustomize/overlays/monitored/monitoring.yaml',
      text: join(
        header,
        monitored.filter((part) => !isIn(whole, part)),
      ),
    },
  ];
}

/** Objects that the chart keeps when it is uninstalled. */
function isKept({ kind }: Part): boolean {
  return kind === 'CustomResourceDefinition' || kind.startsWith('ValidatingAdmissionPolicy');
}

function isIn(parts: readonly Part[], { key: wanted }: Part): boolean {
  return parts.some(({ key }) => key === wanted);
}

async function partsOf(values: Values): Promise<readonly Part[]> {
  const { text, complaint } = await renderChart(values, { args: ['--no-hooks'] });
  if (complaint !== '') throw new Error(complaint);
  return text
    .split(/^---\n/m)
    .map(withoutHelm)
    .filter((part) => part !== '')
    .map((part) => {
      const { kind, metadata } = parse(part);
      return { kind, key: `${kind}/${metadata.namespace ?? ''}/${metadata.name}`, text: part };
    });
}

/** Removes Helm's labels and annotations, which would be wrong in files for `kubectl apply`. */
function withoutHelm(part: string): string {
  return part
    .replace(/^# Source: .*\n/gm, '')
    .replace(/^# Generated from .*\n/gm, '')
    .replace(/^ +helm\.sh\/chart: .*\n/gm, '')
    .replace(/^ +app\.kubernetes\.io\/managed-by: .*\n/gm, '')
    .replace(/^ +helm\.sh\/resource-policy: keep\n/gm, '')
    .trim();
}

function join(head: string, parts: readonly Part[]): string {
  return `${head}${parts.map(({ text }) => `${text}\n`).join('---\n')}`;
}
