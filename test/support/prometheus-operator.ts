/** The Prometheus Operator's own CustomResourceDefinitions, generated from its API by its authors' generator. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Manifest, parseManifests } from '../packaging/manifests.ts';
import { ensureComponents } from '../../hack/control-plane/components.ts';

const moduleFolder = join(import.meta.dirname, '../../hack/control-plane/prometheus-operator');
const api = 'github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring';

/** The packages of the API with a kind that we use. */
const versions = ['v1', 'v1alpha1'];

/** Whether an object is the Prometheus Operator's. */
export function isPrometheusOperators({ apiVersion = '' }: Partial<Manifest>): boolean {
  return apiVersion.startsWith('monitoring.coreos.com/');
}

/** The definitions of these kinds, and the version of the Prometheus Operator that brings them. Throws with what went wrong. */
export async function definitionsOf(
  kinds: readonly string[],
): Promise<{ readonly version: string; readonly definitions: readonly Manifest[] }> {
  const { 'controller-gen': program } = await ensureComponents(['controller-gen']);
  const { status, stdout, stderr, error } = spawnSync(
    program,
    ['crd', ...versions.map((one) => `paths=${api}/${one}`), 'output:stdout'],
    {
      cwd: moduleFolder,
      // It asks Go for the sources, which shall be those of go.mod whatever the user works on otherwise.
      env: { ...process.env, GOWORK: 'off', GOFLAGS: '-mod=readonly' },
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    },
  );
  if (status !== 0) throw new Error(`controller-gen failed: ${error?.message ?? stderr}`);
  const definitions = parseManifests(stdout, 'controller-gen').filter(({ spec }) => kinds.includes(spec.names.kind));
  if (definitions.length !== kinds.length) throw new Error(`${api} has not all of ${kinds.join(', ')}`);
  const version = new RegExp(`${api} (v\\S+)`).exec(readFileSync(join(moduleFolder, 'go.mod'), 'utf8'))?.[1] ?? '';
  return { version, definitions };
}
