import { optionsOf, readIdentity, readIntent, writeIntent } from '../api/v1alpha1/identity.ts';
import { annotations } from '../api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { CreateRequest } from '../domain/machine.ts';
import type { Account } from '../provider/account/account.ts';
import { equal } from '../status/status.ts';
import type { ObjectState } from './object-state.ts';

/**
 * The create intent that is stored before the call: what is known at that time, including earlier calls. `now`: epoch
 * milliseconds.
 */
export function intentFor(
  request: CreateRequest,
  object: VirtualMachine,
  objectState: ObjectState,
  account: Pick<Account, 'snapshot' | 'ownerId' | 'keyedHash'>,
  now: number,
): string {
  const { newestTime = Infinity, unreadable } = account.snapshot ?? {};
  const open = objectState.openIntent(object.metadata.annotations?.[annotations.createPending]);
  const before = open === objectState.refusedIntent ? undefined : readIntent(open, object.metadata.uid);
  const isProven = before?.isOwn === true && before.proof === account.keyedHash(before.signed);
  const options = optionsOf(request);
  const recorded = readIdentity(object);
  return writeIntent(
    object.metadata,
    {
      at: now,
      name: request.name,
      // With a time in the future, the new VM would seem older than its own call.
      after: newestTime === Infinity ? undefined : Math.min(newestTime, now),
      nameless: [...(unreadable?.values() ?? [])].filter((entry) => entry.name === undefined).map(({ id }) => id),
      // An earlier call may have had an effect that no list showed. This one is then refused because of its name.
      ...(isProven ? { after: before.after, nameless: before.nameless ?? [], tries: (before.tries ?? 1) + 1 } : {}),
      options: before === undefined || (isProven && equal(before.options, options)) ? options : undefined,
      ownerId: account.ownerId,
      replaces: recorded.kind === 'Known' ? recorded.id : undefined,
    },
    (text) => account.keyedHash(text),
  );
}
