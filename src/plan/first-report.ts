import { quoted } from '../domain/text.ts';
import type { Decision, StatusReason } from './action.ts';
import type { Observed } from './observed.ts';

/** A create takes less time if the provider responds quickly, and then needs no intermediate status. Milliseconds. */
const firstReport = 1_000;

/** An object without conditions looks as if no operator ran: after one second it shows what the operator waits for. */
export function explained(o: Observed, decision: Decision): Decision {
  const { metadata, status } = o.object;
  const isReported = decision.statusReason !== undefined || status?.conditions !== undefined;
  if (isReported || decision.action.type !== 'None' || metadata.deletionTimestamp !== undefined) return decision;
  const left = firstReport - o.history.knownFor;
  return left > 0
    ? { ...decision, after: Math.min(decision.after ?? Infinity, left) }
    : { ...decision, statusReason: observing(o) };
}

function observing({ object, identity, machine, providerName: name }: Observed): StatusReason {
  if (machine.kind === 'Absent')
    return { reason: 'Observing', message: `reading the catalogue of the account, to create VM ${quoted(name)}` };
  const { id } = identity.kind === 'Known' ? identity : object.spec.adoption;
  const which = id === undefined ? quoted(name) : `${id}`;
  return { reason: 'Observing', message: `reading the VMs of the account to look for VM ${which}` };
}
