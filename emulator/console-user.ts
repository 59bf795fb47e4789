import type { Catalogue } from './catalogue.ts';
import type { Fleet } from './fleet.ts';
import type { CreateRequest } from './machine.ts';
import type { PowerCommand } from './transitions.ts';

/** A VM that the console user creates. Missing fields get the first value of the catalogue that fits. */
export type ConsoleCreate = Partial<Omit<CreateRequest, 'name'>> & {
  readonly name: string;
  readonly ownerId?: number;
  /** `running` by default. */
  readonly state?: 'running' | 'halted';
};

/**
 * A user of the provider's own control panel, without an API key. The ledger records `person` as the cause of the
 * effects.
 */
export interface ConsoleUser {
  /** Whether the provider accepted the command; false also if the VM doesn't exist. */
  power(id: number, command: PowerCommand): boolean;
  /** Deletes the VM in any state; false if it doesn't exist. */
  delete(id: number): boolean;
  /** Moves the VM to another package; false if it doesn't exist. */
  resize(id: number, packageId: number): boolean;
  /** Creates a VM immediately, even if its name is taken; returns its id. */
  create(request: ConsoleCreate): number;
}

export function createConsoleUser(fleet: Fleet, catalogue: Catalogue, defaultOwnerId: number): ConsoleUser {
  return {
    power: (id, command) => {
      const machine = fleet.find(id);
      return machine !== undefined && fleet.power(machine, command, 'person');
    },
    delete: (id) => {
      const machine = fleet.find(id);
      if (machine !== undefined) fleet.destroy(machine, 'person');
      return machine !== undefined;
    },
    resize: (id, packageId) => {
      const machine = fleet.find(id);
      if (machine !== undefined) machine.packageId = packageId;
      return machine !== undefined;
    },
    create: ({ ownerId = defaultOwnerId, state = 'running', ...request }) => {
      const regionId = request.regionId ?? catalogue.regions[0]?.id ?? 1;
      const region = catalogue.regions.find(({ id }) => id === regionId);
      const packageId = request.packageId ?? region?.packageIds[0] ?? 1;
      const osTemplateId =
        request.osTemplateId ?? catalogue.packages.find(({ id }) => id === packageId)?.osTemplateIds[0] ?? 1;
      const whole = { hasIpv6: false, hasPrivateNetworking: false, ...request, regionId, packageId, osTemplateId };
      return fleet.place(whole, ownerId, state).id;
    },
  };
}
