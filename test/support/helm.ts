/** The chart, rendered by the real helm. */
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureComponents } from '../../hack/control-plane/components.ts';

export const chartFolder = path.join(import.meta.dirname, '../../deploy/chart');

/** The values of one rendering, as in a values file. */
export type Values = Readonly<Record<string, unknown>>;

export interface Rendering {
  /** Of everything that would be installed; empty if the values were refused. */
  readonly text: string;
  /** What helm says of values that it refuses. */
  readonly complaint: string;
}

interface Options {
  readonly release?: string;
  readonly namespace?: string;
  /** Another folder than the project's own. */
  readonly chart?: string;
  /** Further arguments, such as `--kube-version`. */
  readonly args?: readonly string[];
}

/** Runs helm and answers its output. Whatever the user has set up for helm is left out of it; `env` is added. */
export async function helm(
  args: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const { helm: program } = await ensureComponents(['helm']);
  const nowhere = path.join(tmpdir(), 'vps247-operator-no-helm');
  const { status, stdout, stderr } = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    env: { HOME: nowhere, HELM_CACHE_HOME: nowhere, HELM_CONFIG_HOME: nowhere, HELM_DATA_HOME: nowhere, ...env },
    maxBuffer: 64 << 20,
  });
  return { code: status, stdout, stderr };
}

/** `helm template` with these values. */
export async function renderChart(values: Values, options: Options = {}): Promise<Rendering> {
  const { release = 'vps247-operator', namespace = 'vps247-system', chart = chartFolder, args = [] } = options;
  const command = ['template', release, chart, '--namespace', namespace, '--values', '-', ...args];
  const { code, stdout, stderr } = await helm(command, JSON.stringify(values));
  return code === 0 ? { text: stdout, complaint: '' } : { text: '', complaint: stderr };
}

/**
 * `helm package` of a chart into a folder, with `epoch` (seconds since 1970) as the time of all that is in the archive: helm would write
 * when each file was checked out. Throws when helm refuses.
 */
export async function packageChart(folder: string, epoch: number, chart = chartFolder): Promise<void> {
  const command = ['package', chart, '--destination', folder];
  const { code, stderr } = await helm(command, '', { SOURCE_DATE_EPOCH: String(epoch) });
  if (code !== 0) throw new Error(`helm package failed: ${stderr}`);
}
