import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import type { SharedCluster } from './shared-control-plane.ts';

/** The real control plane, controllers included, that all integration tests of a run share. Throws when it could not be started. */
export function sharedCluster(): SharedCluster {
  const cluster = inject('cluster');
  if (typeof cluster === 'string') throw new Error(`The control plane did not start. ${cluster}`);
  return cluster;
}

/** What a program said, and its exit code; null when a signal ended it. */
export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs kubectl on the shared cluster with all permissions; `input` goes to its standard input. Never throws for errors of
 * kubectl.
 */
export async function kubectl(args: readonly string[], { input = '' }: { input?: string } = {}): Promise<Answer> {
  const cluster = sharedCluster();
  // Its cache is removed with the cluster, and not kept in the home directory of the developer.
  const cache = join(dirname(cluster.kubeconfig), 'kubectl-cache');
  const child = spawn(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, '--cache-dir', cache, ...args]);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // It may end without having read all of its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}

/** Makes a namespace that no other test uses, and answers its name. It goes with the cluster. */
export async function freshNamespace(): Promise<string> {
  const name = `test-${randomUUID().slice(0, 8)}`;
  const { code, stderr } = await kubectl(['create', 'namespace', name]);
  if (code !== 0) throw new Error(`No namespace ${name}: ${stderr}`);
  return name;
}
