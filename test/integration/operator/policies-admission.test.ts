import { describe, expect, it, vi } from 'vitest';
import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import type { OperatorProcess } from '../../support/operator-process.ts';
import { kubectl } from '../../support/shared-cluster.ts';
import { admissionIn } from './admission.ts';
import { userAt } from './user.ts';
import { type OperatorFixture, spec, useFixtures } from './fixture.ts';

const stageFor = useFixtures('policies-admission');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });

const creates = ({ emulator }: OperatorFixture): number => emulator.ledger.callsByOperation().CreateMachine ?? 0;
const listsOf = ({ emulator }: OperatorFixture): number => emulator.ledger.callsByOperation().ListMachines ?? 0;
const isLeft = ({ emulator }: OperatorFixture): number => emulator.ledger.liveMachines().length;
const messageOf = (object: VirtualMachine | undefined, type = 'Synced'): string =>
  object?.status?.conditions?.find((condition) => condition.type === type)?.message ?? '';

/** How many patches of objects the operator has sent. */
async function patchesOf({ addresses }: OperatorProcess): Promise<number> {
  const page = await (await fetch(`${(await addresses).metrics}/metrics`)).text();
  const lines = page
    .split('\n')
    .filter((line) => /rest_client_requests_total\{.*verb="patch".*resource="virtualmachines"/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** A policy takes a moment until the API server has it: tries, without storing anything, until what it is tried on comes out so. */
async function untilEffective(
  { cluster, namespace }: OperatorFixture,
  metadata: Readonly<Record<string, unknown>>,
  isEffective: (answer: { readonly code: number | null; readonly stdout: string }) => boolean,
): Promise<void> {
  const probe = {
    apiVersion: 'vps247.com/v1alpha1',
    kind: 'VirtualMachine',
    metadata: { namespace, name: 'probe', ...metadata },
    spec,
  };
  const args = ['create', '--dry-run=server', '-o', 'json', '-f', '-'];
  await cluster.until('the policy has effect', async () =>
    isEffective(await kubectl(args, { input: JSON.stringify(probe) })),
  );
}

describe('a policy that alters what the operator stores', () => {
  it('removes finalizers: no VM is created, none is left, and the operator does not loop', async () => {
    const fixture = await stageFor('finalizers');
    const { namespace, cluster } = fixture;
    const patch = '[JSONPatch{op: "remove", path: "/metadata/finalizers"}]';
    const lift = await admissionIn(namespace).mutate(patch, { when: 'has(object.metadata.finalizers)' });
    await untilEffective(fixture, { finalizers: ['vps247.com/machine'] }, ({ stdout }) => !/finalizers/.test(stdout));
    const operator = await fixture.operator();
    await fixture.create('web');
    const refused = await fixture.untilReady('web', 'False/WriteRefused');
    expect(messageOf(refused)).toContain('finalizer vps247.com/machine');
    const [patches, lists] = [await patchesOf(operator), listsOf(fixture)];
    expect(patches).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    // Retries after 1, 2, 4 … seconds, and one list each poll.
    expect((await patchesOf(operator)) - patches).toBeLessThan(6);
    expect(listsOf(fixture) - lists).toBeLessThan(12);
    expect(creates(fixture)).toBe(0);

    await lift();
    await untilEffective(fixture, { finalizers: ['vps247.com/machine'] }, ({ stdout }) => /finalizers/.test(stdout));
    await cluster.patch(namespace, 'web', { metadata: { namespace, name: 'web', labels: { lifted: 'yes' } } });
    await fixture.untilReady('web', 'True/Available');
    await cluster.delete(namespace, 'web');
    await fixture.untilGone('web');
    expect([creates(fixture), isLeft(fixture)]).toEqual([1, 0]);
  });

  it('removes the record after the create: nothing is lost, and deleting the object deletes the VM', async () => {
    const fixture = await stageFor('record');
    const { namespace, cluster } = fixture;
    const when = 'has(object.metadata.annotations) && "vps247.com/machine" in object.metadata.annotations';
    const patch = '[JSONPatch{op: "remove", path: "/metadata/annotations/vps247.com~1machine"}]';
    await admissionIn(namespace).mutate(patch, { when });
    const annotations = { 'vps247.com/machine': 'x' };
    await untilEffective(fixture, { annotations }, ({ stdout }) => !/vps247.com\/machine/.test(stdout));
    const operator = await fixture.operator();
    await fixture.create('web', { providerName: 'chosen' });
    const user = userAt(fixture);
    const refused = await user.untilCondition('web', 'Synced', 'False/WriteRefused');
    expect(messageOf(refused)).toContain('annotation vps247.com/machine');
    await operator.kill();
    await fixture.operator();
    await cluster.delete(namespace, 'web');
    await fixture.untilGone('web');
    expect([creates(fixture), isLeft(fixture)]).toEqual([1, 0]);
  });
});

describe('a policy that refuses what the operator stores', () => {
  it('requires a label that an older object lacks: the rest of a deletion is reported, and completed after the label is added', async () => {
    const fixture = await stageFor('label');
    const { namespace, cluster } = fixture;
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('web');
    await fixture.untilReady('web', 'True/Available');
    const required = 'has(object.metadata.labels) && "cost-center" in object.metadata.labels';
    await admissionIn(namespace).validate(required, 'every VM needs the label cost-center');
    await untilEffective(fixture, {}, ({ code }) => code !== 0);
    await cluster.delete(namespace, 'web');
    const blocked = await user.untilCondition('web', 'DeletionBlocked', 'True/WriteRefused');
    expect(messageOf(blocked, 'DeletionBlocked')).toMatch(
      /^the VM is gone, but the finalizer cannot be removed from the object: .*every VM needs the label cost-center/,
    );
    expect(isLeft(fixture)).toBe(0);
    await cluster.patch(namespace, 'web', { metadata: { namespace, name: 'web', labels: { 'cost-center': '7' } } });
    await fixture.untilGone('web');
  });

  it('annotations near their limit of 256 KiB: the object reports it, and is created after they are smaller', async () => {
    const fixture = await stageFor('size');
    const { namespace, cluster } = fixture;
    await fixture.operator();
    const input = JSON.stringify({
      apiVersion: 'vps247.com/v1alpha1',
      kind: 'VirtualMachine',
      metadata: { namespace, name: 'web', annotations: { 'example.com/large': 'x'.repeat(262_000) } },
      spec,
    });
    expect(await kubectl(['create', '-f', '-'], { input })).toMatchObject({ code: 0 });
    const refused = await fixture.untilReady('web', 'False/WriteRefused');
    expect(messageOf(refused)).toMatch(/annotations.*262144/);
    expect(creates(fixture)).toBe(0);
    const annotations = { 'example.com/large': null };
    await cluster.patch(namespace, 'web', { metadata: { namespace, name: 'web', annotations } });
    await fixture.untilReady('web', 'True/Available');
    await cluster.delete(namespace, 'web');
    await fixture.untilGone('web');
    expect([creates(fixture), isLeft(fixture)]).toEqual([1, 0]);
  });

  it('a value in the status: the rest is stored, and Synced quotes the policy', async () => {
    const fixture = await stageFor('value');
    const { namespace, cluster } = fixture;
    const user = userAt(fixture);
    await admissionIn(namespace).validate('!has(object.status.hostname)', 'no hostnames here', {
      resources: ['virtualmachines/status'],
    });
    await fixture.operator();
    await fixture.create('web');
    const shown = await user.untilCondition('web', 'Synced', 'False/WriteRefused');
    expect(messageOf(shown)).toContain('no hostnames here');
    const object = await fixture.untilReady('web', 'True/Available');
    expect(object.status).toMatchObject({ origin: 'Created', internal: { lastSyncedPowerState: 'Running' } });
    expect(object.status).not.toHaveProperty('hostname');
    await cluster.delete(namespace, 'web');
    await fixture.untilGone('web');
    expect([creates(fixture), isLeft(fixture)]).toEqual([1, 0]);
  });

  it('the status as a whole: an event reports it, and the object is created and deleted all the same', async () => {
    const fixture = await stageFor('status');
    const { namespace, cluster } = fixture;
    const user = userAt(fixture);
    const deny = 'object.status.observedGeneration < 0';
    await admissionIn(namespace).validate(deny, 'no status here', { resources: ['virtualmachines/status'] });
    await fixture.operator();
    await fixture.create('web');
    await cluster.until('an event reports it', async () =>
      (await user.events('web')).some((event) => event.startsWith('Warning WriteRefused')),
    );
    await cluster.until('the VM runs', () => Promise.resolve(fixture.emulator.machines()[0]?.state === 'running'));
    await cluster.delete(namespace, 'web');
    await fixture.untilGone('web');
    expect([creates(fixture), isLeft(fixture)]).toEqual([1, 0]);
  });
});
