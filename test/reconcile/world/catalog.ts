import { succeeded } from '../../../src/domain/failure.ts';
import type { CatalogRef, CreateRequest, ListedMachine, Machine } from '../../../src/domain/machine.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import type { InMemoryProvider } from './fake-provider.ts';
import { createWorld, type World } from './world.ts';

/** How much a provider reports of the region, package and template of a VM. */
export type Detail = 'IdsAndNames' | 'Ids' | 'Nothing';

/** Ids and names of the catalog; everything is offered everywhere. */
export const offers = {
  region: [
    { id: 1, name: 'Amsterdam 1' },
    { id: 2, name: 'New York 1' },
    { id: 3, name: 'London 1' },
  ],
  package: [
    { id: 1, name: 'Budget' },
    { id: 2, name: 'Basic' },
    { id: 3, name: 'Pro' },
  ],
  osTemplate: [
    { id: 1, name: 'Debian 13 x64' },
    { id: 2, name: 'Ubuntu 26.04 x64' },
    { id: 3, name: 'Windows 2025' },
  ],
} as const;

export type Field = keyof typeof offers;
export const fields: readonly Field[] = ['region', 'package', 'osTemplate'];

/** A world whose provider has a catalog, and whose VMs have a region, a package and a template. */
export function createWorldWithCatalog(detail: Detail = 'IdsAndNames'): Promise<World> {
  return createWorld({}, { through: (provider, _, fakeProvider) => withCatalog(provider, fakeProvider, detail) });
}

function withCatalog(provider: Provider, fakeProvider: InMemoryProvider, detail: Detail): Provider {
  return {
    ...provider,
    async listMachines() {
      const outcome = await provider.listMachines();
      return outcome.ok ? succeeded(outcome.value.map((machine) => reported(machine, detail))) : outcome;
    },
    async getMachine(id) {
      const outcome = await provider.getMachine(id);
      return outcome.ok && outcome.value !== undefined ? succeeded(inDetail(outcome.value, detail)) : outcome;
    },
    async createMachine(request) {
      const outcome = await provider.createMachine(request);
      for (const { id, name, region } of fakeProvider.machines.values())
        if (name === request.name && region === undefined) fakeProvider.set(id, ordered(request));
      if (!outcome.ok || outcome.value.machine === undefined) return outcome;
      const machine = { ...outcome.value.machine, ...ordered(request) };
      return succeeded({ ...outcome.value, machine: inDetail(machine, detail) });
    },
    listRegions: () => Promise.resolve(succeeded(offers.region)),
    listPackages: () => Promise.resolve(succeeded(offers.package)),
    listOsTemplates: () => Promise.resolve(succeeded(offers.osTemplate)),
  };
}

/** What the VM of this request is. */
function ordered({ regionId, packageId, osTemplateId }: CreateRequest): Pick<Machine, Field> {
  return {
    region: offered('region', regionId),
    package: offered('package', packageId),
    osTemplate: offered('osTemplate', osTemplateId),
  };
}

function offered(field: Field, id: number): CatalogRef {
  return offers[field].find((offer) => offer.id === id) ?? { id };
}

function reported(machine: ListedMachine, detail: Detail): ListedMachine {
  return 'problem' in machine ? machine : inDetail(machine, detail);
}

function inDetail(machine: Machine, detail: Detail): Machine {
  if (detail === 'IdsAndNames') return machine;
  const { region, package: size, osTemplate, ...rest } = machine;
  if (detail === 'Nothing') return rest;
  return {
    ...rest,
    ...(region === undefined ? {} : { region: { id: region.id } }),
    ...(size === undefined ? {} : { package: { id: size.id } }),
    ...(osTemplate === undefined ? {} : { osTemplate: { id: osTemplate.id } }),
  };
}
