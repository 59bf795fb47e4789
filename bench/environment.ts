import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startControlPlane, type ControlPlane } from '../hack/control-plane/start.ts';
import { Cluster } from '../test/support/control-plane.ts';
import { startOperator, type OperatorProcess } from '../test/support/operator-process.ts';
import { startEmulator, type EmulatorProcess } from './emulator.ts';
import { Fleet } from './fleet.ts';
import { HostileTenant } from './hostile.ts';
import { plainDefinition } from './plain-resource.ts';

export const namespaces = {
  watched: 'vps247-bench',
  unwatched: 'vps247-bench-unwatched',
  hostile: 'vps247-bench-hostile',
} as const;
export const apiKey = 'bench-key';

/** How the operator is started. */
export interface Launch {
  /** Flags for Node itself. */
  readonly nodeFlags?: readonly string[];
  /** Whether it uses the default rate limit, or none. */
  readonly isPaced?: boolean;
  /** Whether it also watches the namespace of the hostile tenant. */
  readonly isAttacked?: boolean;
}

/** API server, provider and clients: everything except the operator, which is started and stopped separately. */
export interface BenchEnvironment {
  readonly plane: ControlPlane;
  readonly emulator: EmulatorProcess;
  /** The objects that the operator manages. */
  readonly fleet: Fleet;
  /** The same kind of objects, in a namespace that the operator doesn't watch. */
  readonly unwatched: Fleet;
  readonly hostile: HostileTenant;
  /** Starts it with the permissions of its role and its default settings, except for namespaces and rate limit. */
  startOperator(launch?: Launch): OperatorProcess;
  /** Stops everything, including the operators. */
  close(): Promise<void>;
}

/** Sets up one for operators of the program `entry`; logs go to `directory`. */
export async function createEnvironment(entry: string, directory: string): Promise<BenchEnvironment> {
  const cleanups: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  };
  try {
    const plane = await startControlPlane({ logDir: join(directory, 'control-plane') });
    cleanups.push(() => plane.stop());
    const cluster = new Cluster(plane.kubeconfigPath);
    cleanups.push(() => cluster.close());
    await cluster.applyRights();
    await cluster.applyCrd();
    await cluster.apply(plainDefinition);
    for (const namespace of Object.values(namespaces)) await cluster.createNamespace(namespace);
    await cluster.putSecret(namespaces.watched, apiKey);
    const emulator = await startEmulator(apiKey);
    cleanups.push(() => emulator.stop());
    const kubeconfig = await cluster.kubeconfigOfServiceAccount('vps247-system', 'vps247-operator', directory);
    const fleet = new Fleet(plane.kubeconfigPath, namespaces.watched);
    const unwatched = new Fleet(plane.kubeconfigPath, namespaces.unwatched);
    const hostileFleet = new Fleet(plane.kubeconfigPath, namespaces.hostile);
    cleanups.push(
      () => fleet.close(),
      () => unwatched.close(),
      () => hostileFleet.close(),
    );
    return {
      plane,
      emulator,
      fleet,
      unwatched,
      hostile: new HostileTenant(cluster, hostileFleet, namespaces.hostile),
      close,
      startOperator({ nodeFlags = [], isPaced = false, isAttacked = false } = {}) {
        const watched = isAttacked ? [namespaces.watched, namespaces.hostile] : [namespaces.watched];
        const operator = startOperator({
          entry,
          kubeconfig,
          apiUrl: emulator.url,
          flags: ['--namespaces', watched.join(','), ...(isPaced ? [] : ['--provider-rate', '0'])],
          nodeFlags,
          logFile: join(directory, 'operator.log'),
        });
        cleanups.push(() => operator.stop());
        return operator;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The maximum memory of a process so far, in bytes; undefined if the system doesn't report it. */
export function peakMemoryOf(pid: number): number | undefined {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
  } catch {
    return undefined;
  }
}
