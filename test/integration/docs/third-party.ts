import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../packaging/manifests.ts';
import { projectRoot } from '../../support/pages.ts';

/** Kinds of others that examples have and our API server does not know: which fields they may have here, and the folder of ours they name. */
const kinds: Readonly<
  Record<string, { readonly fields: readonly string[]; readonly folder?: (object: Manifest) => unknown }>
> = {
  'argoproj.io/v1alpha1/Application': {
    fields: ['project', 'source', 'destination', 'syncPolicy'],
    folder: (object) => object['spec'].source.path,
  },
  'monitoring.coreos.com/v1/PodMonitor': { fields: ['selector', 'podMetricsEndpoints'] },
  'monitoring.coreos.com/v1alpha1/ScrapeConfig': { fields: ['httpSDConfigs', 'relabelings'] },
  'source.toolkit.fluxcd.io/v1/GitRepository': { fields: ['interval', 'url', 'ref'] },
  'kustomize.toolkit.fluxcd.io/v1/Kustomization': {
    fields: ['interval', 'sourceRef', 'path', 'prune', 'wait', 'timeout'],
    folder: (object) => object['spec'].path,
  },
};

/** Objects of other projects. */
export const ThirdParty = {
  /** What is wrong with it, empty if nothing is; undefined if it is none of these. */
  judge(object: Manifest): string | undefined {
    // A file for a program on this side, not for the API server.
    if (object.apiVersion.startsWith('kustomize.config.k8s.io/')) {
      const missing = (object['resources'] as readonly string[]).filter(
        (name) => name.includes('/') && !existsSync(join(projectRoot, name)),
      );
      return missing.join(', ');
    }
    const kind = kinds[`${object.apiVersion}/${object.kind}`];
    if (kind === undefined) return undefined;
    const unknown = Object.keys(object['spec']).filter((field) => !kind.fields.includes(field));
    const folder = kind.folder?.(object);
    const isThere = folder === undefined || existsSync(join(projectRoot, String(folder)));
    return [...unknown, ...(isThere ? [] : [`${String(folder)} is not there`])].join(', ');
  },
};
