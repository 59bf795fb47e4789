/**
 * The meaning of every response and failure of a provider call. This table is the specification and `classify`
 * implements it; nothing else assigns a class or a code. The provider's texts don't matter.
 *
 *   event                              reads (GET)         create              delete              power calls
 *   ---------------------------------  ------------------  ------------------  ------------------  ------------------
 *   key that no header can carry       Credentials         Credentials         Credentials         Credentials
 *   id that no URL can carry           Terminal            -                   Terminal            Terminal
 *   certainly not sent (DNS, refused,
 *     connect timeout, TLS, canceled) Retry               Retry               Retry               Retry
 *   sent, no answer (reset, timeout)   Retry               UnknownOutcome      UnknownOutcome      UnknownOutcome
 *   2xx, body is not what is due       Retry               UnknownOutcome      accepted            accepted
 *   2xx, body is HTML                  Credentials         Credentials         Credentials         Credentials
 *   3xx                                Credentials         Credentials         Credentials         Credentials
 *   400                                Retry               Terminal            Wait (still on)     Retry
 *   401, 403                           Credentials         Credentials         Credentials         Credentials
 *   402, 409, 422                      Retry               Terminal            Retry               Retry
 *   404                                Retry; machine or   Terminal            'NotFound'          Retry
 *                                      catalog: none
 *   406                                Wait                Wait                Wait                Wait
 *   408                                Retry               UnknownOutcome      UnknownOutcome      UnknownOutcome
 *   429                                Wait                Wait                Wait                Wait
 *   other 4xx                          Retry               Terminal            Retry               Retry
 *   503 with Retry-After               Wait                UnknownOutcome      UnknownOutcome      UnknownOutcome
 *   5xx, anything else                 Retry               UnknownOutcome      UnknownOutcome      UnknownOutcome
 *
 * A login page is a redirect, or HTML with a 2xx: both mean that the key was not accepted, never that a machine is
 * gone. Error pages (4xx, 5xx) are often HTML, too, but their status says what happened. A 404 for a list means a wrong
 * URL, not an empty list.
 */
import type { FailureClass, FailureCode, Operation } from '../../domain/failure.ts';
import { isWrite } from '../../domain/failure.ts';

/** How a call ended, as far as the class depends on it. */
export type CallEvent =
  /** The request couldn't be built. */
  | { readonly kind: 'Unsendable'; readonly part: 'Key' | 'Id' }
  /**
   * A response with this status. `retryAfter`: whether it has a usable Retry-After. Its body matters only if
   * `unusable`.
   */
  | { readonly kind: 'Responded'; readonly status: number; readonly retryAfter: boolean; readonly unusable?: Unusable }
  /** No connection was established, so nothing was sent. */
  | { readonly kind: 'NotSent'; readonly code: 'ConnectFailed' | 'Timeout' | 'Canceled' }
  /** The request may have arrived; no response did. */
  | { readonly kind: 'Lost'; readonly code: 'ConnectionLost' | 'Timeout' | 'Canceled' };

/** Why the body of a 2xx is unusable. `ConnectionLost` and `Timeout`: it ended too early. */
export type Unusable = 'HtmlResponse' | 'ProtocolError' | 'BodyTooLarge' | 'ConnectionLost' | 'Timeout' | 'Canceled';

/** `Success`: decode the body, if there is one. `Absent`: a 404 that is a valid result. */
export type Classified = 'Success' | 'Absent' | { readonly class: FailureClass; readonly code: FailureCode };

export function classify(operation: Operation, event: CallEvent): Classified {
  const unclear: FailureClass = isWrite(operation) ? 'UnknownOutcome' : 'Retry';
  switch (event.kind) {
    case 'Unsendable':
      if (event.part === 'Key') return { class: 'Credentials', code: 'Unauthorized' };
      return { class: 'Terminal', code: 'BadRequest' };
    case 'NotSent':
      return { class: 'Retry', code: event.code };
    case 'Lost':
      return { class: unclear, code: event.code };
    case 'Responded':
      break;
  }

  const { status, unusable } = event;
  if (status >= 200 && status < 300) {
    if (unusable === undefined) return 'Success';
    if (unusable === 'HtmlResponse') return { class: 'Credentials', code: unusable };
    // A later read shows the result of a delete or a power call; only a create has information in its response.
    if (isWrite(operation) && operation !== 'CreateMachine') return 'Success';
    return { class: unclear, code: unusable };
  }
  if (status >= 300 && status < 400) return { class: 'Credentials', code: 'Redirected' };
  if (status >= 400 && status < 500) return classifyRefusal(operation, status);
  if (status === 503 && event.retryAfter && !isWrite(operation)) return { class: 'Wait', code: 'ServerError' };
  return { class: unclear, code: status >= 500 && status < 600 ? 'ServerError' : 'UnexpectedStatus' };
}

const sameForEveryCall: ReadonlyMap<number, Classified> = new Map<number, Classified>([
  [401, { class: 'Credentials', code: 'Unauthorized' }],
  [403, { class: 'Credentials', code: 'Forbidden' }],
  [406, { class: 'Wait', code: 'Busy' }],
  [429, { class: 'Wait', code: 'RateLimited' }],
]);

const codeByStatus: ReadonlyMap<number, FailureCode> = new Map([
  [400, 'BadRequest'],
  [402, 'PaymentRequired'],
  [404, 'NotFound'],
  [409, 'Conflict'],
  [422, 'Unprocessable'],
]);

/** Where the provider's 404 is a valid result: no such machine for this key, or no such catalog. */
const mayBeAbsent: ReadonlySet<Operation> = new Set<Operation>([
  'GetMachine',
  'DeleteMachine',
  'ListRegions',
  'ListPackages',
  'ListOsTemplates',
]);

function classifyRefusal(operation: Operation, status: number): Classified {
  const same = sameForEveryCall.get(status);
  if (same !== undefined) return same;
  // The server timed out while it waited for a request that it may have read completely.
  if (status === 408) return { class: isWrite(operation) ? 'UnknownOutcome' : 'Retry', code: 'Timeout' };
  if (status === 404 && mayBeAbsent.has(operation)) return 'Absent';
  const code = codeByStatus.get(status) ?? 'UnexpectedStatus';
  if (operation === 'CreateMachine') return { class: 'Terminal', code };
  if (operation === 'DeleteMachine' && status === 400) return { class: 'Wait', code };
  return { class: 'Retry', code };
}
