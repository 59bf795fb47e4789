import type { Machine } from '../domain/machine.ts';
import { type Decision, keptOperations, perform } from './action.ts';
import type { Observed } from './observed.ts';

/**
 * Writes the VM's initial root password into a Secret once, before the VM becomes Ready, so that a user who waits
 * for that finds it. Undefined: nothing to write, now or later.
 *
 * | spec                 | origin  | the status has a Secret   | then                                       |
 * | -------------------- | ------- | ------------------------- | ------------------------------------------ |
 * | policy None          |         |                           | never                                      |
 * | no name              | Adopted |                           | never: it has most likely been changed      |
 * |                      |         | yes                       | never again, even if the Secret was deleted |
 * |                      |         | no                        | written, once the provider returns it and an address, or the VM has booted without one |
 *
 * The operator can't change a Secret, so the address must be known when it is written.
 */
export function passwordUnwritten(o: Observed, machine: Machine): Decision | undefined {
  const { initialPasswordSecret: wanted } = o.object.spec;
  if (wanted.policy === 'None' || o.identity.kind !== 'Known') return undefined;
  if (o.identity.origin === 'Adopted' && wanted.name === undefined) return undefined;
  const { passwordSecret, passwordConflict } = o.history;
  const isReported = o.object.status?.id === machine.id && o.object.status.initialPasswordSecret !== undefined;
  if (isReported || passwordSecret !== undefined || passwordConflict !== undefined) return undefined;
  const { initialPassword: password, addresses } = machine;
  if (password === undefined || password.isEmpty) return undefined;
  if (machine.state === 'Pending' && !addresses.some(({ address }) => address !== undefined)) return undefined;
  const secretName = wanted.name ?? defaultSecretName(o.object.metadata.name);
  return perform({ type: 'WritePassword', id: machine.id, secretName, password, addresses }, undefined, {
    fastPolling: true,
    ...keptOperations(o),
  });
}

const suffix = '-initial-password';
const longestName = 253;

function defaultSecretName(name: string): string {
  return `${name.slice(0, longestName - suffix.length).replace(/[-.]+$/, '')}${suffix}`;
}
