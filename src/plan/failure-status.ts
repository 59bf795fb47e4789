import { replaceApiKey } from '../api/v1alpha1/commands.ts';
import type { Reason } from '../api/v1alpha1/reasons.ts';
import type { Failure, FailureCode } from '../domain/failure.ts';
import { quoted } from '../domain/text.ts';
import type { StatusReason } from './action.ts';
import { retainHint } from './notes.ts';
import { toSeconds } from '../domain/clock.ts';
import type { Observed } from './observed.ts';
import { isToBeDeleted } from './protection.ts';

/** The owner of the key. */
type Asker = Pick<Observed, 'object' | 'isDefaultKey' | 'mayOrphan' | 'now' | 'rateLimitedFor'>;

const insteadOfDeletion = 'keep the VM instead';

interface Meaning {
  readonly reason: Reason;
  readonly problem: string;
  readonly next: string;
}

const unreadable: Meaning = {
  reason: 'ProtocolError',
  problem: "the operator can't read the provider's answer",
  next: 'The operator retries automatically',
};

/** For each code the reason, its meaning, and what the operator does next. */
const byCode: Partial<Record<FailureCode, Meaning>> = {
  RateLimited: {
    reason: 'RateLimited',
    problem: 'the provider asked for fewer requests',
    next: 'The operator pauses the requests of this account, then retries',
  },
  ProtocolError: unreadable,
  BodyTooLarge: unreadable,
};

const unavailable: Meaning = {
  reason: 'ProviderUnavailable',
  problem: "the provider can't be reached or returns errors",
  next: 'The operator retries automatically',
};

/** The reason for a failed read or call: by class first, then by code, never by text. */
export function fromFailure(o: Asker, failure: Failure): StatusReason {
  if (failure.class === 'Credentials') return rejected(o, failure);
  const { reason, problem, next } = byCode[failure.code] ?? unavailable;
  const isPaused = failure.class === 'Wait' && o.rateLimitedFor > 0;
  return { reason, message: `${problem}: ${describeFailure(failure)}. ${isPaused ? rateLimitPause(o) : next}` };
}

/** The earliest end: each further answer of that kind prolongs the pause, which is not reported again. */
export function rateLimitPause({ now, rateLimitedFor }: Pick<Observed, 'now' | 'rateLimitedFor'>): string {
  return `The operator sends no request for this account before ${toSeconds(now + rateLimitedFor)}`;
}

/** No key is usable, as `message` explains. An object that is being deleted also shows how the deletion can finish. */
export function missing(o: Pick<Observed, 'object' | 'mayOrphan'>, message: string): StatusReason {
  if (!isToBeDeleted(o.object)) return { reason: 'CredentialsMissing', message };
  const instead = retainHint(o, insteadOfDeletion);
  return { reason: 'CredentialsMissing', message: `${message}; the VM is deleted once the key is there${instead}` };
}

/** The provider rejects the key: which one, and how to fix it. */
export function rejected(o: Asker, failure: Failure | undefined): StatusReason {
  const { object, isDefaultKey } = o;
  const { name, key } = object.spec.credentialsSecretRef;
  const answer = failure === undefined ? '' : ` (${describeFailure(failure)})`;
  const message = isDefaultKey
    ? `the provider does not accept the operator's default API key; ask your cluster administrator to replace it${answer}`
    : `the provider does not accept the API key in Secret ${quoted(name)} under ${quoted(key)}${answer}; to replace it: ${replaceApiKey(object.metadata.namespace, { name, key })}`;
  return { reason: 'CredentialsRejected', message: message + retainHint(o, insteadOfDeletion) };
}

/** The call, and how it failed. */
export function describeFailure(failure: Failure): string {
  const status = failure.status === undefined ? '' : ` ${failure.status}`;
  const words = failure.text === '' ? '' : `: ${failure.text}`;
  return `${failure.operation} failed with ${failure.code}${status}${words}`;
}
