import type { Outcome } from '../../domain/failure.ts';
import type { ProviderId } from '../../domain/machine.ts';
import type { Provider } from '../provider.ts';

/** What an account learns from the responses to single calls. */
export interface CallObserver {
  /** Every outcome except of lists, before the caller receives it. */
  onCall(outcome: Outcome<unknown>): void;
  /** The response for a single machine named its owner. */
  onOwner(ownerId: ProviderId): void;
  /** A DELETE is about to be sent. */
  deleteSent(id: ProviderId): void;
  /** That DELETE certainly had no effect. */
  deleteFailed(id: ProviderId): void;
}

/** The same provider. The observer gets each result, except of lists, which the account handles itself. */
export function observeCalls(provider: Provider, observer: CallObserver): Provider {
  const onCall = async <T>(call: Promise<Outcome<T>>): Promise<Outcome<T>> => {
    const outcome = await call;
    observer.onCall(outcome);
    return outcome;
  };
  const onOwner = (ownerId: ProviderId | undefined): void => {
    if (ownerId !== undefined) observer.onOwner(ownerId);
  };
  return {
    listMachines: (signal) => provider.listMachines(signal),
    getMachine: async (id, signal) => {
      const outcome = await onCall(provider.getMachine(id, signal));
      if (outcome.ok) onOwner(outcome.value?.ownerId);
      return outcome;
    },
    createMachine: async (request, signal) => {
      const outcome = await onCall(provider.createMachine(request, signal));
      if (outcome.ok) onOwner(outcome.value.machine?.ownerId);
      return outcome;
    },
    deleteMachine: async (id, signal) => {
      observer.deleteSent(id);
      const outcome = await onCall(provider.deleteMachine(id, signal));
      if (!outcome.ok && outcome.failure.class !== 'UnknownOutcome') observer.deleteFailed(id);
      return outcome;
    },
    startMachine: (id, signal) => onCall(provider.startMachine(id, signal)),
    stopMachine: (id, signal) => onCall(provider.stopMachine(id, signal)),
    restartMachine: (id, signal) => onCall(provider.restartMachine(id, signal)),
    killMachine: (id, signal) => onCall(provider.killMachine(id, signal)),
    listRegions: (signal) => onCall(provider.listRegions(signal)),
    listPackages: (signal) => onCall(provider.listPackages(signal)),
    listOsTemplates: (signal) => onCall(provider.listOsTemplates(signal)),
  };
}
