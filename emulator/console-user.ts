import type { Catalogue } from './catalogue.ts';
import type { Fleet } from './fleet.ts';
import type { CreateRequest } from './machine.ts';
import type { PowerCommand } from './transitions.ts';

/** What a person orders; whatever is left out is the first that fits. */
export type ConsoleCreate = Partial<Omit<CreateRequest, 'name'>> & {
  readonly name: string;
  readonly ownerId?: number;
  /** `running` by default. */
  readonly state?: 'running' | 'halted';
};

/** Somebody at the provider's own panel. Effects are noted as caused by `person`. */
export interface ConsoleUser {
  /** Whether it was accepted; false also when there is no such machine. */
  power(id: number, command: PowerCommand): boolean;
  /** Deletes whatever the state; false when there is no such machine. */
  delete(id: number): boolean;
  /** Moves the VM to another package; false when there is no such VM. */
  resize(id: number, packageId: number): boolean;
  /** A machine that is there at once, whether its name is taken or not; returns its id. */
  create(order: ConsoleCreate): number;
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
    create: ({ ownerId = defaultOwnerId, state = 'running', ...order }) => {
      const regionId = order.regionId ?? catalogue.regions[0]?.id ?? 1;
      const region = catalogue.regions.find(({ id }) => id === regionId);
      const packageId = order.packageId ?? region?.packageIds[0] ?? 1;
      const osTemplateId =
        order.osTemplateId ?? catalogue.packages.find(({ id }) => id === packageId)?.osTemplateIds[0] ?? 1;
      const whole = { hasIpv6: false, hasPrivateNetworking: false, ...order, regionId, packageId, osTemplateId };
      return fleet.place(whole, ownerId, state).id;
    },
  };
}
