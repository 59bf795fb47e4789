import type { Reason } from '../api/v1alpha1/reasons.ts';
import type { Failure, FailureCode } from '../model/failure.ts';
import type { Verdict } from './action.ts';

const reasonByCode: Partial<Record<FailureCode, Reason>> = {
  RateLimited: 'RateLimited',
  ProtocolError: 'ProtocolError',
  BodyTooLarge: 'ProtocolError',
};

/** What a failed read or call means for the object: by class first, then by code, never by text. */
export function fromFailure(failure: Failure): Verdict {
  const reason: Reason =
    failure.class === 'Credentials' ? 'CredentialsRejected' : (reasonByCode[failure.code] ?? 'ProviderUnavailable');
  return { reason, message: describe(failure) };
}

function describe(failure: Failure): string {
  const status = failure.status === undefined ? '' : ` ${failure.status}`;
  const words = failure.text === '' ? '' : `: ${failure.text}`;
  return `${failure.operation} failed with ${failure.code}${status}${words}`;
}
