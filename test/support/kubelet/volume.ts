import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CoreV1Api, KubeConfig, V1Pod, V1VolumeProjection } from '@kubernetes/client-node';

/** A folder of this machine, and where the container finds it. */
export interface Mount {
  readonly source: string;
  readonly target: string;
}

interface Place {
  readonly core: CoreV1Api;
  readonly config: KubeConfig;
  readonly logs: string;
  /** Readable by all users; the Pod gets a folder in it. */
  readonly folder: string;
}

/** Writes the files of the projected volume that the admission of service accounts gave the Pod. */
export async function writeVolume(pod: V1Pod, place: Place): Promise<Mount> {
  const [volume, ...more] = pod.spec?.volumes ?? [];
  const mount = pod.spec?.containers[0]?.volumeMounts?.find(({ name }) => name === volume?.name);
  const sources = volume?.projected?.sources;
  if (sources === undefined || mount === undefined || more.length > 0)
    throw new Error('Only the volume of the service account is known here.');
  const source = path.join(place.folder, pod.metadata?.uid ?? '');
  mkdirSync(source);
  for (const one of sources)
    for (const [file, text] of await filesOf(one, pod, place)) writeFileSync(path.join(source, file), text);
  chmodSync(source, 0o755);
  return { source, target: mount.mountPath };
}

/** The files of one source, each with its text. */
async function filesOf(
  { serviceAccountToken, configMap, downwardAPI }: V1VolumeProjection,
  { metadata, spec }: V1Pod,
  { core, config, logs }: Place,
): Promise<[string, string][]> {
  const { name = '', namespace = '', uid = '' } = metadata ?? {};
  if (serviceAccountToken !== undefined) {
    const { expirationSeconds = 3_600, path: file } = serviceAccountToken;
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid };
    const { status } = await core.createNamespacedServiceAccountToken({
      name: spec?.serviceAccountName ?? 'default',
      namespace,
      body: { spec: { audiences: [], expirationSeconds, boundObjectRef } },
    });
    const token = status?.token ?? '';
    // For searches of logs for the tokens that operators had.
    const { server } = config.getCurrentCluster() ?? {};
    writeFileSync(path.join(logs, `${name}.kubeconfig`), JSON.stringify({ server, token }), { mode: 0o600 });
    return [[file, token]];
  }
  if (configMap !== undefined) {
    const { data = {} } = await core.readNamespacedConfigMap({ name: configMap.name ?? '', namespace });
    return (configMap.items ?? []).map(({ key, path: file }) => [file, data[key] ?? '']);
  }
  return (downwardAPI?.items ?? []).map(({ path: file, fieldRef }) => {
    if (fieldRef?.fieldPath !== 'metadata.namespace') throw new Error(`${fieldRef?.fieldPath} is not known here.`);
    return [file, namespace];
  });
}
