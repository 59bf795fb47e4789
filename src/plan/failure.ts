import type { Reason } from '../api/v1alpha1/reasons.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Failure, FailureCode } from '../model/failure.ts';
import type { Verdict } from './action.ts';

const reasonByCode: Partial<Record<FailureCode, Reason>> = {
  RateLimited: 'RateLimited',
  ProtocolError: 'ProtocolError',
  BodyTooLarge: 'ProtocolError',
};

/** What a failed read or call means for the object: by class first, then by code, never by text. */
export function fromFailure(object: VirtualMachine, failure: Failure): Verdict {
  if (failure.class === 'Credentials') return rejected(object, failure);
  return { reason: reasonByCode[failure.code] ?? 'ProviderUnavailable', message: describe(failure) };
}

/** The key is not accepted: which one, and what to do about it. */
export function rejected({ spec }: VirtualMachine, failure: Failure | undefined): Verdict {
  const { name, key } = spec.credentialsSecretRef;
  const answer = failure === undefined ? '' : ` (${describe(failure)})`;
  const message = `the provider does not accept the API key in Secret "${name}" under "${key}"; put a valid one there${answer}`;
  return { reason: 'CredentialsRejected', message };
}

function describe(failure: Failure): string {
  const status = failure.status === undefined ? '' : ` ${failure.status}`;
  const words = failure.text === '' ? '' : `: ${failure.text}`;
  return `${failure.operation} failed with ${failure.code}${status}${words}`;
}
