import { isRecord } from '../domain/json.ts';
import { sanitize } from '../domain/text.ts';

/**
 * What a failed call to the Kubernetes API means to its caller. `Network`: no response, so a write may or may not have
 * happened. `Timeout`: the same, or the server reported it. `Protocol`: a response that isn't the API's. `NotFound`:
 * the API reported that the object doesn't exist; any other 404 is `Unexpected`. `Fenced`: not sent, because another
 * process may be the leader. `Altered`: stored, but changed by an admission policy. `TooLarge`: the response exceeds
 * the limit.
 */
export type KubeErrorReason =
  | 'NotFound'
  | 'Conflict'
  | 'AlreadyExists'
  | 'Invalid'
  | 'Forbidden'
  | 'Unauthorized'
  | 'Gone'
  | 'TooManyRequests'
  | 'Unavailable'
  | 'Timeout'
  | 'Network'
  | 'Protocol'
  | 'Fenced'
  | 'Altered'
  | 'TooLarge'
  | 'Unexpected';

/** A failed call to the Kubernetes API. It contains no `cause`, headers or request, so that it is safe to log. */
export class KubeError extends Error {
  readonly reason: KubeErrorReason;
  /** HTTP status, if there was a response. */
  readonly status?: number;
  /** Milliseconds that the server asked to wait. */
  readonly retryAfter?: number;
  /** Already part of the message, so a log line omits it. */
  readonly #words: string | undefined;

  constructor(
    message: string,
    details: {
      readonly reason: KubeErrorReason;
      readonly status?: number | undefined;
      readonly retryAfter?: number | undefined;
      readonly words?: string | undefined;
    },
  ) {
    super(message);
    this.name = 'KubeError';
    this.reason = details.reason;
    if (details.status !== undefined) this.status = details.status;
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter;
    this.#words = details.words;
  }

  /** The API server's message: one line of limited length. */
  get words(): string | undefined {
    return this.#words;
  }
}

export function hasReason(error: unknown, ...reasons: readonly KubeErrorReason[]): error is KubeError {
  return error instanceof KubeError && reasons.includes(error.reason);
}

const refusals: ReadonlySet<KubeErrorReason> = new Set(['Forbidden', 'Invalid', 'Altered']);

/** Whether the API server refused a write, or stored it altered: the same write will have the same result. */
export function isRefused(error: unknown): error is KubeError {
  return error instanceof KubeError && refusals.has(error.reason);
}

/** Whether the object was changed or deleted since it was read. The watch brings its new state, so the next reconciliation decides. */
export function isSuperseded(error: unknown): error is KubeError {
  return hasReason(error, 'Conflict', 'NotFound');
}

/** The parts of a `Status`, the API's format for errors, that are used here. */
export interface StatusObject {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  /** The name of the object that the error is about. */
  readonly name?: string;
}

const byStatus: Readonly<Record<number, KubeErrorReason>> = {
  400: 'Invalid',
  401: 'Unauthorized',
  403: 'Forbidden',
  408: 'Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Invalid',
  422: 'Invalid',
  429: 'TooManyRequests',
  504: 'Timeout',
};

/** Classifies a response by its HTTP status and its `Status` object, if there is one. This is the only such table. */
export function reasonFor(httpStatus: number, status: StatusObject | undefined): KubeErrorReason {
  if (status?.reason === 'AlreadyExists') return 'AlreadyExists';
  // A 404 without the name of an object means that the resource isn't served (its CRD isn't installed yet), or that
  // something else responded. Neither shows that the object doesn't exist.
  if (httpStatus === 404) return status?.reason === 'NotFound' && status.name !== undefined ? 'NotFound' : 'Unexpected';
  const reason = byStatus[httpStatus];
  if (reason !== undefined) return reason;
  if (httpStatus >= 500) return 'Unavailable';
  return httpStatus < 400 ? 'Protocol' : 'Unexpected';
}

/** Parses a `Status` object; undefined for anything else. */
export function readStatus(value: unknown): StatusObject | undefined {
  if (!isRecord(value) || value['kind'] !== 'Status') return undefined;
  const { code, reason, message, details } = value;
  const name = isRecord(details) ? details['name'] : undefined;
  return {
    ...(typeof code === 'number' ? { code } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof message === 'string' ? { message } : {}),
    ...(typeof name === 'string' && name !== '' ? { name } : {}),
  };
}

const longestText = 512;
const longestReason = 64;

/**
 * The error of a response. `what` describes the call (`patch virtualmachines/status default/web`). With `isSecret`, no
 * text of the response is used: a webhook or a proxy can quote what was sent.
 */
export function responseError(
  what: string,
  httpStatus: number,
  status: StatusObject | undefined,
  { retryAfter, isSecret = false }: { readonly retryAfter?: number | undefined; readonly isSecret?: boolean } = {},
): KubeError {
  const reason = reasonFor(httpStatus, status);
  const text = status?.message ?? 'the answer is not one of a Kubernetes API server';
  if (isSecret) {
    const message = `${what}: ${httpStatus} ${reason} (its words are left out, for they may repeat the Secret)`;
    return new KubeError(message, { reason, status: httpStatus, retryAfter });
  }
  // Users write policies, whose messages can quote the object. Line breaks and invisible characters are removed.
  const words = sanitize(text, longestText);
  const message = `${what}: ${httpStatus} ${sanitize(status?.reason ?? reason, longestReason)}: ${words}`;
  return new KubeError(message, { reason, status: httpStatus, retryAfter, words });
}
