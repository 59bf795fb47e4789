import { annotations } from '../../../src/api/v1alpha1/constants.ts';
import type { MachineState } from '../../../src/domain/machine.ts';
import type { Place } from '../remedies/fixture.ts';

/** Brings the object `web` of a namespace into the state that a block of docs/situations.md shows. */
type Arrange = (place: Place) => Promise<unknown>;

const nothing = { region: undefined, package: undefined, osTemplate: undefined };
const available = 'True/Available';

async function running(place: Place, spec: Readonly<Record<string, unknown>> = {}): Promise<number> {
  await place.create('web', spec);
  return await place.until(available);
}

function untilState(place: Place, state: MachineState): Promise<void> {
  return place.watch(`the VM is ${state}`, async () => (await place.object())?.status?.state === state);
}

async function deleteWhilePaused(place: Place, spec: Readonly<Record<string, unknown>>): Promise<void> {
  await place.annotate({ [annotations.paused]: 'true' });
  await place.remove();
  await place.change(spec);
  await place.annotate({ [annotations.paused]: null });
}

/** By the name that the page gives the block. */
export const situations: Readonly<Record<string, Arrange>> = {
  'first-seconds': async (place) => {
    place.answerWith({ kind: 'hang' }, 'ListMachines');
    await place.create('web');
    await place.until('Unknown/Observing');
  },
  unavailable: async (place) => {
    await running(place);
    place.answerWith({ kind: 'status', status: 503 });
    await place.until('True/ProviderUnavailable');
    await place.change({ powerState: 'Halted' });
    await place.until('Unknown/ProviderUnavailable');
  },
  'rate-limit': async (place) => {
    await running(place);
    place.answerWith({ kind: 'rate-limit', retryAfter: '3600' });
    await place.until('True/RateLimited');
  },
  'key-missing': async (place) => {
    await place.create('web');
    await place.until('Unknown/CredentialsMissing');
  },
  'key-rejected': async (place) => {
    await place.putKey(`${place.apiKey}-mistyped`);
    await place.create('web');
    await place.until('Unknown/CredentialsRejected');
  },
  typo: async (place) => {
    await place.create('web', { package: { name: 'Budgett' } });
    await place.until('False/UnknownCatalogName');
  },
  'other-package': (place) => running(place),
  'task-failed': async (place) => {
    place.emulator.setSwitches({ failedTasks: '^VmCreate failing' });
    await place.create('web', { providerName: 'failing' });
    await place.until('False/ProvisioningFailed');
  },
  'name-conflict': async (place) => {
    await place.create('shop', { providerName: 'shop' });
    await place.until(available, 'shop');
    await place.create('web', { providerName: 'shop' });
    await place.until('False/NameConflict');
  },
  'name-taken': async (place) => {
    place.plant('shop');
    await place.create('web', { providerName: 'shop' });
    await place.until('False/NameTaken');
  },
  'orphan-candidate': async (place) => {
    place.plant('web-deadbeef');
    await place.create('web');
    await place.until('False/OrphanCandidateFound');
  },
  ipv6: (place) => running(place, { ipv6: true }),
  differs: async (place) => {
    const id = place.emulator.panel.create({ ownerId: place.ownerId, name: 'legacy', regionId: 3, packageId: 1 });
    await running(place, { package: { name: 'Standard' }, adoption: { policy: 'MustExist', id } });
  },
  'adopted-name': async (place) => {
    place.plant('api_test');
    await running(place, { ...nothing, adoption: { policy: 'MustExist', name: 'api_test' } });
  },
  'wrong-id': async (place) => {
    await place.create('web', { ...nothing, adoption: { policy: 'MustExist', id: 4711 } });
    await place.until('False/AdoptionTargetNotFound');
  },
  unmanaged: async (place) => {
    // Before the first list: the operator reports a set that two lists show, most of a minute apart.
    place.plant('db.example.com');
    place.plant('Web 1', 'halted');
    await running(place);
    await place.watch('the event about unmanaged VMs', async () =>
      (await place.sh('kubectl -n vps247-system get events')).includes('db.example.com'),
    );
  },
  drift: async (place) => {
    const id = await running(place, { powerDriftPolicy: 'Report' });
    place.emulator.panel.power(id, 'stop');
    await untilState(place, 'Halted');
    await place.until('False/PowerDrift');
  },
  paused: async (place) => {
    await running(place);
    await place.annotate({ [annotations.paused]: 'true' });
    await place.until('True/Paused');
    await place.change({ powerState: 'Halted' });
    await place.until('Unknown/Paused');
  },
  'invalid-annotation': async (place) => {
    await running(place);
    await place.annotate({ [annotations.paused]: 'yes' });
    await place.watch('the event about the annotation', async () =>
      (await place.sh(`kubectl -n ${place.namespace} get events`)).includes('InvalidAnnotation'),
    );
  },
  plan: async (place) => {
    await place.create('web', { managementPolicy: 'Plan' });
    await place.until('False/PlanOnly');
  },
  'plan-deletion': async (place) => {
    await running(place);
    await place.change({ managementPolicy: 'Plan' });
    await place.remove();
    await place.until('False/PlanOnly');
  },
  protected: (place) => running(place, { deletionProtection: true }),
  'terminating-protected': async (place) => {
    await running(place);
    await deleteWhilePaused(place, { deletionProtection: true });
    await place.until('False/DeletionProtected');
  },
  terminating: async (place) => {
    await running(place, { osTemplate: { name: 'Appliance (ignores ACPI)' } });
    await place.remove();
    await untilState(place, 'Halting');
  },
  retained: (place) => running(place, { deletionPolicy: 'Retain' }),
  'deleted-at-provider': async (place) => {
    place.emulator.panel.delete(await running(place, { onExternalDelete: 'Report' }));
    await place.until('False/ExternallyDeleted');
  },
  recreated: async (place) => {
    const first = await running(place, { onExternalDelete: 'Recreate' });
    place.emulator.panel.delete(first);
    await place.watch('another VM', async () => ((await place.object())?.status?.id ?? first) !== first);
    await place.until(available);
  },
};
