/** Every call the provider offers, by the name used in metrics, logs and the ledger. */
export const operations = [
  'ListMachines',
  'GetMachine',
  'CreateMachine',
  'DeleteMachine',
  'StartMachine',
  'StopMachine',
  'RestartMachine',
  'KillMachine',
  'ListRegions',
  'ListPackages',
  'ListOsTemplates',
] as const;
export type Operation = (typeof operations)[number];

const writes: ReadonlySet<Operation> = new Set<Operation>([
  'CreateMachine',
  'DeleteMachine',
  'StartMachine',
  'StopMachine',
  'RestartMachine',
  'KillMachine',
]);

/** Whether the call changes something at the provider. */
export function isWrite(operation: Operation): boolean {
  return writes.has(operation);
}

/**
 * How a failure is treated, which is all a caller needs to know of it:
 * - `Retry`: nothing happened or nothing can be said; again with growing delays.
 * - `Wait`: the provider asks for time (busy, rate limit); a known delay, no failure counted.
 * - `Terminal`: the request itself is refused; only a change of the spec or the Secret helps.
 * - `Credentials`: the key is not accepted; says nothing about any machine.
 * - `UnknownOutcome`: a write was sent and its answer lost; it may have taken effect.
 */
export type FailureClass = 'Retry' | 'Wait' | 'Terminal' | 'Credentials' | 'UnknownOutcome';

/** What went wrong, for humans and metrics. `classify` in provider/http/classify.ts is the only place that assigns one. */
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
  | 'HtmlAnswer'
  | 'ProtocolError'
  | 'BodyTooLarge'
  | 'UnexpectedStatus'
  | 'Cancelled';

/** A failed provider call, plain data: no `cause`, no request, no header, so that it can be logged as it is. */
export interface Failure {
  readonly operation: Operation;
  readonly class: FailureClass;
  readonly code: FailureCode;
  /** HTTP status, when there was an answer. */
  readonly status?: number;
  /** The provider's own request id, when it sent one. */
  readonly requestId?: string;
  /** Milliseconds the provider asked to wait. */
  readonly retryAfter?: number;
  /** The provider's words: at most 256 characters, tags stripped, secrets scrubbed. */
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
