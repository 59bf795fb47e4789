import type { Outcome } from '../../domain/failure.ts';
import type { ProviderId } from '../../domain/machine.ts';
import type { Provider } from '../provider.ts';

/** What an account learns from the answers of single calls. */
export interface Listener {
  /** Every outcome but a list's, before the caller has it. */
  heard(outcome: Outcome<unknown>): void;
  /** A single machine's answer named its owner. */
  sawOwner(ownerId: ProviderId): void;
  /** A DELETE is about to be sent. */
  leaves(id: ProviderId): void;
  /** That DELETE certainly had no effect. */
  stays(id: ProviderId): void;
}

/** The same provider, with somebody listening to its answers. A list is the account's own, who judges it as such. */
export function listenTo(provider: Provider, listener: Listener): Provider {
  const heard = async <T>(call: Promise<Outcome<T>>): Promise<Outcome<T>> => {
    const outcome = await call;
    listener.heard(outcome);
    return outcome;
  };
  const sawOwner = (ownerId: ProviderId | undefined): void => {
    if (ownerId !== undefined) listener.sawOwner(ownerId);
  };
  return {
    listMachines: (signal) => provider.listMachines(signal),
    getMachine: async (id, signal) => {
      const outcome = await heard(provider.getMachine(id, signal));
      if (outcome.ok) sawOwner(outcome.value?.ownerId);
      return outcome;
    },
    createMachine: async (request, signal) => {
      const outcome = await heard(provider.createMachine(request, signal));
      if (outcome.ok) sawOwner(outcome.value.machine?.ownerId);
      return outcome;
    },
    deleteMachine: async (id, signal) => {
      listener.leaves(id);
      const outcome = await heard(provider.deleteMachine(id, signal));
      if (!outcome.ok && outcome.failure.class !== 'UnknownOutcome') listener.stays(id);
      return outcome;
    },
    startMachine: (id, signal) => heard(provider.startMachine(id, signal)),
    stopMachine: (id, signal) => heard(provider.stopMachine(id, signal)),
    restartMachine: (id, signal) => heard(provider.restartMachine(id, signal)),
    killMachine: (id, signal) => heard(provider.killMachine(id, signal)),
    listRegions: (signal) => heard(provider.listRegions(signal)),
    listPackages: (signal) => heard(provider.listPackages(signal)),
    listOsTemplates: (signal) => heard(provider.listOsTemplates(signal)),
  };
}
