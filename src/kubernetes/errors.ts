import { isRecord } from '../domain/json.ts';
import { sanitize } from '../domain/text.ts';

/**
 * What a failed call to the Kubernetes API means to its caller. `Network`: no answer, so a write may or may not have
 * happened; `Timeout`: the same, or the server reported it; `Protocol`: an answer that is not the API's; `NotFound`: the
 * named object is not there, as the API itself said it; any other 404 is `Unexpected`. `Fenced`: never sent, because another
 * process may be leading. `Altered`: stored, but not as sent, because an admission policy changed it. `TooLarge`: the answer has
 * more bytes than were asked for.
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

/** A call to the Kubernetes API that failed. Holds no `cause`, header or request, so that it can be logged as it is. */
export class KubeError extends Error {
  readonly reason: KubeErrorReason;
  /** HTTP status, when there was an answer. */
  readonly status?: number;
  /** Milliseconds the server asked to wait. */
  readonly retryAfter?: number;
  /** Part of the message already: a log line does not show it twice. */
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

  /** Why, in the API server's own words: one bounded line. */
  get words(): string | undefined {
    return this.#words;
  }
}

export function hasReason(error: unknown, ...reasons: readonly KubeErrorReason[]): error is KubeError {
  return error instanceof KubeError && reasons.includes(error.reason);
}

const refusals: ReadonlySet<KubeErrorReason> = new Set(['Forbidden', 'Invalid', 'Altered']);

/** Whether the API server judged a write and did not store it as sent: the same write will meet the same judgement. */
export function isRefused(error: unknown): error is KubeError {
  return error instanceof KubeError && refusals.has(error.reason);
}

/** Whether the object was changed or deleted since it was read. The watch brings its new state, so the next reconciliation decides. */
export function isSuperseded(error: unknown): error is KubeError {
  return hasReason(error, 'Conflict', 'NotFound');
}

/** The parts of a `Status`, the API's own form of an error, that are used here. */
export interface StatusObject {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  /** Name of the object that the error is about. */
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

/** The one table: an answer's HTTP status and, if it came with one, its `Status` object. */
export function reasonFor(httpStatus: number, status: StatusObject | undefined): KubeErrorReason {
  if (status?.reason === 'AlreadyExists') return 'AlreadyExists';
  // A 404 without the name of an object means that the resource itself is not served (its definition is not installed
  // yet), or that something else answered; neither says that the object does not exist.
  if (httpStatus === 404) return status?.reason === 'NotFound' && status.name !== undefined ? 'NotFound' : 'Unexpected';
  const reason = byStatus[httpStatus];
  if (reason !== undefined) return reason;
  if (httpStatus >= 500) return 'Unavailable';
  return httpStatus < 400 ? 'Protocol' : 'Unexpected';
}

/** Reads a `Status` object; undefined for anything else. */
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
 * The error of an answer: `what` is the call in words (`patch virtualmachines/status default/web`). With `isSecret` none of the
 * answer's words are taken: a webhook or a proxy may repeat in them what was sent, whole or in part.
 */
export function answerError(
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
  // Policies are written by people and may quote the object: what would break a line or hide a part of it goes.
  const words = sanitize(text, longestText);
  const message = `${what}: ${httpStatus} ${sanitize(status?.reason ?? reason, longestReason)}: ${words}`;
  return new KubeError(message, { reason, status: httpStatus, retryAfter, words });
}
