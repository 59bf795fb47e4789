import type { Outcome } from '../../domain/failure.ts';
import type { ProviderId } from '../../domain/machine.ts';
import type { Provider } from '../provider.ts';

/** What an account learns from the answers of single calls. */
export interface CallObserver {
  /** Every outcome but a list's, before the caller has it. */
  onCall(outcome: Outcome<unknown>): void;
  /** A single machine's answer named its owner. */
  onOwner(ownerId: ProviderId): void;
  /** A DELETE is about to be sent. */
  deleteSent(id: ProviderId): void;
  /** That DELETE certainly had no effect. */
  deleteFailed(id: ProviderId): void;
}

/** The same provider; the observer gets each result, except of lists, which the account handles itself. */
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
