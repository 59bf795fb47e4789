const writes = [
  'CreateMachine',
  'DeleteMachine',
  'StartMachine',
  'StopMachine',
  'RestartMachine',
  'KillMachine',
] as const;
const reads = ['ListMachines', 'GetMachine', 'ListRegions', 'ListPackages', 'ListOsTemplates'] as const;
/** Every provider call, by its name in metrics, logs and the ledger. */
export const operations = [...writes, ...reads] as const;
export type Operation = (typeof operations)[number];

/** Whether the call changes something at the provider. */
export function isWrite(operation: Operation): boolean {
  return writes.some((write) => write === operation);
}

/**
 * How the caller treats a failure:
 * - `Retry`: nothing happened, or nothing can be concluded. Retried with exponential backoff.
 * - `Wait`: the provider asks for time (busy, rate limit). Retried after a known delay, and not counted as a failure.
 * - `Terminal`: the provider refused the request itself. Only a change of the spec or the Secret helps.
 * - `Credentials`: the provider rejected the key. This says nothing about any machine.
 * - `UnknownOutcome`: a write was sent and its response was lost, so it may have taken effect.
 */
export type FailureClass = 'Retry' | 'Wait' | 'Terminal' | 'Credentials' | 'UnknownOutcome';

/** What went wrong, for messages and metrics. Only `classify` in provider/http/classify.ts assigns a code. */
export type FailureCode =
  | 'ConnectFailed'
  | 'ConnectionLost'
  | 'Timeout'
  | 'ServerError'
  | 'Busy'
  | 'RateLimited'
  | 'BadRequest'
  | 'PaymentRequired'
  | 'NotFound'
  | 'Conflict'
  | 'Unprocessable'
  | 'Unauthorized'
  | 'Forbidden'
  | 'Redirected'
  | 'HtmlResponse'
  | 'ProtocolError'
  | 'BodyTooLarge'
  | 'UnexpectedStatus'
  | 'Canceled';

/** A failed provider call. Plain data without `cause`, request or headers, so that it is safe to log. */
export interface Failure {
  readonly operation: Operation;
  readonly class: FailureClass;
  readonly code: FailureCode;
  /** HTTP status, if there was a response. */
  readonly status?: number;
  /** The provider's request id, if it sent one. */
  readonly requestId?: string;
  /** Milliseconds that the provider asked to wait. */
  readonly retryAfter?: number;
  /** The provider's message: at most 256 characters, without tags and secrets. */
  readonly text: string;
}

/** The result of a call that may fail: a failure is a value that the caller must handle, never an exception. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export function succeeded<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function failed(failure: Failure): Outcome<never> {
  return { ok: false, failure };
}
