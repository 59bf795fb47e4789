import { readFileSync, rmSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { KubernetesObject } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ensureComponents } from '../../../hack/control-plane/components.ts';
import { startControlPlane } from '../../../hack/control-plane/start.ts';
import { Cluster, readiness } from '../../support/control-plane.ts';
import { fastSettings } from '../../support/fast-settings.ts';
import { startOperator } from '../../support/operator-process.ts';
import { recordObjects } from '../../support/record-objects.ts';
import { createEmulator } from '../../../emulator/emulator.ts';
import { serve } from '../../../emulator/server.ts';
import { documented } from '../../support/documented.ts';
import { run } from '../../support/run.ts';
import { sharedCluster } from '../../support/shared-cluster.ts';
import { apiKey, spec } from './fixture.ts';

const root = path.join(import.meta.dirname, '../../..');
const out = path.join(root, '.out/operator/start');
const installation = 'deploy/manifests/install.yaml';
const isOf =
  (...kinds: readonly string[]) =>
  ({ kind = '' }: KubernetesObject) =>
    kinds.includes(kind);

/** The CRD as an earlier version of it might have been. */
function oldDefinition(): KubernetesObject & Record<string, unknown> {
  const definition = parse(readFileSync(path.join(root, 'crds/virtualmachines.vps247.com.yaml'), 'utf8'));
  const { properties } = definition.spec.versions[0].schema.openAPIV3Schema.properties.spec;
  delete properties.restartRequest;
  properties.powerState.enum.push('Suspended');
  return definition;
}

describe('an operator that starts before its prerequisites exist', () => {
  it(
    'reports what is missing, one after the other, and works with Roles in its namespaces alone',
    { timeout: 180_000 },
    async () => {
      rmSync(out, { recursive: true, force: true });
      mkdirSync(out, { recursive: true });
      await using plane = await startControlPlane({ isAudited: true, logDir: path.join(out, 'control-plane') });
      const cluster = new Cluster(plane.kubeconfigPath);
      await cluster.applyFiles([installation], isOf('Namespace', 'ServiceAccount'));
      for (const namespace of ['team-a', 'team-b', 'team-c']) await cluster.createNamespace(namespace);
      const emulator = createEmulator({
        accounts: [{ ownerId: 1, keys: [apiKey] }],
        latencies: { pickup: 20, provision: 100 },
      });
      const provider = await serve(emulator, { port: 0 });
      const operator = startOperator({
        kubeconfig: await cluster.kubeconfigOfServiceAccount('vps247-system', 'vps247-operator', out),
        apiUrl: provider.url,
        flags: [...fastSettings(), '--namespaces=team-b,team-a', '--leader-election-namespace=vps247-system'],
        logFile: path.join(out, 'operator.log'),
      });
      let recorder: ReturnType<typeof recordObjects> | undefined;
      const says = (sentence: string) =>
        cluster.until(`it says: ${sentence}`, async () => operator.output().includes(sentence));
      try {
        await says('The CustomResourceDefinition virtualmachines.vps247.com is not installed');
        await cluster.apply(oldDefinition());
        await says('is older than this operator, it lacks spec.restartRequest: apply deploy/manifests/crds.yaml');
        await cluster.create({ name: 'odd', namespace: 'team-b', spec: { ...spec, powerState: 'Suspended' } });
        await cluster.applyCrd();
        recorder = recordObjects(plane.kubeconfigPath, path.join(out, 'objects'));
        await says('The operator may not list virtualmachines (vps247.com) in namespace team-a, namespace team-b.');
        const { health } = await operator.addresses;
        expect((await fetch(`${health}/readyz`)).status).toBe(503);
        expect((await fetch(`${health}/healthz`)).status).toBe(200);

        const { helm } = await ensureComponents(['helm']);
        const programs = [helm, sharedCluster().kubectl].map((program) => path.dirname(program));
        const env = {
          PATH: [...programs, process.env['PATH'] ?? ''].join(path.delimiter),
          KUBECONFIG: plane.kubeconfigPath,
          HOME: out,
        };
        await run('sh', ['-c', documented('docs/scaling.md', 'roles')], env);
        // All is read now, but the Lease is out of reach.
        await says('Failed to read or update Lease');
        await cluster.applyFiles([installation], isOf('Role', 'RoleBinding'));
        for (const namespace of ['team-a', 'team-b', 'team-c']) {
          await cluster.putSecret(namespace, apiKey);
          if (namespace !== 'team-b') await cluster.create({ name: 'web', namespace, spec });
        }
        await cluster.until(
          'web is Ready',
          async () => readiness(await cluster.get('team-a', 'web')) === 'True/Available',
        );
        // An object that an earlier schema allowed reports its mistake, and does not affect others.
        await cluster.until(
          'odd reports it',
          async () => readiness(await cluster.get('team-b', 'odd')) === 'False/InvalidSpec',
        );
        const odd = await cluster.get('team-b', 'odd');
        expect(odd?.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toBe(
          'spec.powerState must be one of Running, Halted, not "Suspended"; the operator does nothing until that is fixed',
        );
        expect(emulator.ledger.machinesEverCreated()).toHaveLength(1);
        await cluster.patch('team-b', 'odd', { spec: { powerState: 'Halted' } });
        await cluster.until(
          'odd is Ready',
          async () => readiness(await cluster.get('team-b', 'odd')) === 'True/Available',
        );
        expect(operator.output()).not.toContain('"Reconciler error');
        expect(await operator.stop()).toBe(0);
      } finally {
        await operator.kill();
        await recorder?.stop();
        await provider.close();
        await cluster.close();
      }
    },
  );
});
