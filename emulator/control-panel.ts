import type { Catalog } from './catalog.ts';
import type { Fleet } from './fleet.ts';
import type { CreateRequest } from './machine.ts';
import type { PowerCommand } from './transitions.ts';

/** A VM that is created in the control panel. Missing fields get the first value of the catalog that fits. */
export type PanelCreate = Partial<Omit<CreateRequest, 'name'>> & {
  readonly name: string;
  readonly ownerId?: number;
  /** `running` by default. */
  readonly state?: 'running' | 'halted';
};

/**
 * The provider's control panel, which its users use without an API key. The ledger records `panel` as the cause of the
 * effects.
 */
export interface ControlPanel {
  /** Whether the provider accepted the command; false also if the VM doesn't exist. */
  power(id: number, command: PowerCommand): boolean;
  /** Deletes the VM in any state; false if it doesn't exist. */
  delete(id: number): boolean;
  /** Moves the VM to another package; false if it doesn't exist. */
  resize(id: number, packageId: number): boolean;
  /** Creates a VM immediately, even if its name is taken; returns its id. */
  create(request: PanelCreate): number;
}

export function createControlPanel(fleet: Fleet, catalog: Catalog, defaultOwnerId: number): ControlPanel {
  return {
    power: (id, command) => {
      const machine = fleet.find(id);
      return machine !== undefined && fleet.power(machine, command, 'panel');
    },
    delete: (id) => {
      const machine = fleet.find(id);
      if (machine !== undefined) fleet.destroy(machine, 'panel');
      return machine !== undefined;
    },
    resize: (id, packageId) => {
      const machine = fleet.find(id);
      if (machine !== undefined) machine.packageId = packageId;
      return machine !== undefined;
    },
    create: ({ ownerId = defaultOwnerId, state = 'running', ...request }) => {
      const regionId = request.regionId ?? catalog.regions[0]?.id ?? 1;
      const region = catalog.regions.find(({ id }) => id === regionId);
      const packageId = request.packageId ?? region?.packageIds[0] ?? 1;
      const osTemplateId =
        request.osTemplateId ?? catalog.packages.find(({ id }) => id === packageId)?.osTemplateIds[0] ?? 1;
      const whole = { hasIpv6: false, hasPrivateNetworking: false, ...request, regionId, packageId, osTemplateId };
      return fleet.place(whole, ownerId, state).id;
    },
  };
}
