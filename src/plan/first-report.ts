import { quoted } from '../domain/text.ts';
import type { Decision, StatusReason } from './action.ts';
import { toSeconds } from './whole-seconds.ts';
import type { Observed } from './observed.ts';

/** A create takes less time if the provider responds quickly, and then needs no intermediate status. Milliseconds. */
const firstReport = 1_000;

/** An object without conditions looks as if no operator ran: after one second it shows what the operator waits for. */
export function explained(o: Observed, decision: Decision): Decision {
  const { metadata, status } = o.object;
  const isReported = decision.statusReason !== undefined || (status?.conditions !== undefined && !isNews(o));
  if (isReported || decision.action.type !== 'None' || metadata.deletionTimestamp !== undefined) return decision;
  const left = firstReport - o.history.knownFor;
  return left > 0
    ? { ...decision, after: Math.min(decision.after ?? Infinity, left) }
    : { ...decision, statusReason: observing(o) };
}

/** Whether there is more to report than Observing: the list arrived, and lacks the VM to adopt. */
function isNews(o: Observed): boolean {
  const isObserving = o.object.status?.conditions?.some(
    ({ type, reason }) => type === 'Ready' && reason === 'Observing',
  );
  return isObserving === true && unlistedOf(o) !== undefined;
}

function unlistedOf({ machine }: Observed) {
  return machine.kind === 'Unknown' && machine.reason.kind === 'NotYetSeen' ? machine.reason.unlisted : undefined;
}

function observing(o: Observed): StatusReason {
  const { object, identity, machine, providerName: name } = o;
  if (machine.kind === 'Absent')
    return { reason: 'Observing', message: `reading the catalog of the account, to create VM ${quoted(name)}` };
  const unlisted = unlistedOf(o);
  if (unlisted !== undefined) {
    const message = `the list of the account doesn't contain VM ${unlisted.id}; a VM that was just created may be missing from it, so the operator lists again until ${toSeconds(unlisted.until)}`;
    return { reason: 'Observing', message };
  }
  const { id } = identity.kind === 'Known' ? identity : object.spec.adoption;
  const which = id === undefined ? quoted(name) : `${id}`;
  return { reason: 'Observing', message: `reading the VMs of the account to look for VM ${which}` };
}
