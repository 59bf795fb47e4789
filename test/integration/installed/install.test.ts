import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readiness } from '../../support/control-plane.ts';
import { InstalledSite } from '../../support/installed-site.ts';
import { apiKey, spec } from '../operator/fixture.ts';

const { release } = InstalledSite;
let site: InstalledSite;

beforeAll(async () => {
  site = await InstalledSite.open({ logs: path.join(import.meta.dirname, '../../../.out/operator/installed'), apiKey });
});
afterAll(() => site?.close());

describe('helm install, with the Deployment rolled out and its Pods running', () => {
  it(
    'manages the whole cluster, and leaves everything but itself after its uninstallation',
    { timeout: 120_000 },
    async () => {
      const { cluster, kubelet, emulator } = site;
      expect(await site.rollOut({})).toContain('manages the VirtualMachines of the whole cluster');
      expect(kubelet.pods.map(({ isReady, restarts }) => ({ isReady, restarts }))).toEqual([
        { isReady: true, restarts: 0 },
        { isReady: true, restarts: 0 },
      ]);
      await cluster.create({ name: 'web', namespace: 'team-a', spec });
      await site.until('team-a/web', 'True/Available');
      await cluster.patch('team-a', 'web', { spec: { powerState: 'Halted' } });
      await site.untilState('team-a/web', 'Halted');
      const before = await site.until('team-a/web', 'True/Available');

      await site.uninstall();
      expect(await cluster.get('team-a', 'web')).toEqual(before);
      expect(await site.kubectl('get', 'crd', 'virtualmachines.vps247.com', '-o', 'name')).toContain('virtualmachines');
      const refusal = await site.kubectl('delete', 'crd', 'virtualmachines.vps247.com').then(() => '', String);
      expect(refusal).toContain('kubectl annotate crd virtualmachines.vps247.com vps247.com/allow-deletion=true');
      expect(await site.kubectl('get', 'deploy,clusterrole,clusterrolebinding', '-A', '-o', 'name')).not.toContain(
        release,
      );
      expect(site.writes).toEqual(['CreateMachine', 'StopMachine']);
      expect(emulator.ledger.liveMachines()).toHaveLength(1);
    },
  );

  it('continues in two namespaces with Roles alone, and creates and deletes VMs', { timeout: 120_000 }, async () => {
    const { cluster, emulator } = site;
    const watchNamespaces = ['team-a', 'team-b'];
    await site.rollOut({
      watchNamespaces,
      scope: 'Namespaced',
      crds: { enabled: false },
      replicas: 1,
      // As OpenShift's restricted-v2 assigns it: a user that the image does not know.
      podSecurityContext: { runAsUser: 1_000_680_000, runAsGroup: 0 },
    });
    expect(await site.kubectl('get', 'clusterrole,clusterrolebinding', '-o', 'name')).not.toContain(release);
    await cluster.create({ name: 'batch', namespace: 'team-b', spec });
    await site.until('team-b/batch', 'True/Available');
    await cluster.patch('team-a', 'web', { spec: { powerState: 'Running' } });
    await site.untilState('team-a/web', 'Running');
    await cluster.delete('team-a', 'web');
    await site.untilGone('team-a/web');

    await site.uninstall();
    const batch = await cluster.get('team-b', 'batch');
    expect(readiness(batch)).toBe('True/Available');
    const { ledger } = emulator;
    // Deleting web shuts it down first.
    expect(site.writes.slice(2)).toEqual(['CreateMachine', 'StartMachine', 'StopMachine', 'DeleteMachine']);
    expect(ledger.machinesEverCreated()).toHaveLength(2);
    expect(ledger.duplicates()).toEqual([]);
    expect(ledger.forbiddenTransitions()).toEqual([]);
    expect(ledger.liveMachines()).toHaveLength(1);
    expect(ledger.leaks([batch?.status?.providerName ?? ''])).toEqual([]);
  });
});
