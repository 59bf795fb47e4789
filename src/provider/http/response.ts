import type { Failure, Operation, Outcome } from '../../domain/failure.ts';
import { failed, succeeded } from '../../domain/failure.ts';
import type { SecretMatcher } from '../../domain/secret-matcher.ts';
import type { CallEvent, Classified, Unusable } from './classify.ts';
import { classify } from './classify.ts';
import { listLimits } from './list-parser.ts';
import type { Context } from './decode.ts';
import { parseRetryAfter } from '../../domain/retry-after.ts';
import { errorText, jsonErrorText, tidy } from './error-text.ts';
import type { Exchange, Received } from './transport.ts';
import { WireError } from './json-fields.ts';

/** How the response to a call is interpreted. */
export interface Reading<T> {
  readonly operation: Operation;
  /** The result of a 2xx: what `decode` returns for its body (it throws `WireError` if it can't), or a fixed value. */
  readonly success: { readonly decode: (body: string, context: Context) => T } | { readonly value: T };
  /** The result of a 404, where it is a valid one. */
  readonly absent?: { readonly value: T };
}

type Body<T> = { readonly value: T } | { readonly unusable: Unusable; readonly problem: string };

/** The outcome of an exchange. Pure, and never throws, whatever the response contains. */
export function interpret<T>(reading: Reading<T>, exchange: Exchange, context: Context): Outcome<T> {
  const { operation } = reading;
  if (exchange.kind !== 'Received') {
    return unsuccessful(operation, classify(operation, exchange), { text: accident(exchange) });
  }

  const { status } = exchange;
  const body = status >= 200 && status < 300 ? readBody(reading, exchange, context) : undefined;
  const retryAfter = parseRetryAfter(exchange.headers['retry-after'], exchange.headers['date'], context.now);
  const event: CallEvent = {
    kind: 'Responded',
    status,
    retryAfter: retryAfter !== undefined,
    ...(body !== undefined && 'unusable' in body ? { unusable: body.unusable } : {}),
  };
  const classified = classify(operation, event);
  if (classified === 'Success') {
    if (body !== undefined && 'value' in body) return succeeded(body.value);
    if ('value' in reading.success) return succeeded(reading.success.value);
  }
  if (classified === 'Absent' && reading.absent !== undefined) return succeeded(reading.absent.value);

  const known = context.secrets.matcher;
  const problem = body !== undefined && 'unusable' in body ? body.problem : '';
  const words = readWords(exchange, body, known);
  const requestId = readRequestId(exchange, known);
  return unsuccessful(operation, classified, {
    status,
    text: tidy([problem, words].filter((part) => part !== '').join(': '), known),
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

/** The failure of a call that couldn't be built. */
export function unsendable(operation: Operation, part: 'Key' | 'Id'): Outcome<never> {
  const text =
    part === 'Key' ? 'the API key is empty or holds characters that no header can carry' : 'not a machine id';
  return unsuccessful(operation, classify(operation, { kind: 'Unsendable', part }), { text });
}

function unsuccessful(
  operation: Operation,
  classified: Classified,
  facts: Omit<Failure, 'operation' | 'class' | 'code'>,
): Outcome<never> {
  // A missing value for a result that `classify` returns would be a mistake in the client's table of calls.
  const { class: treatment, code } =
    typeof classified === 'string' ? ({ class: 'UnknownOutcome', code: 'UnexpectedStatus' } as const) : classified;
  return failed({ operation, class: treatment, code, ...facts });
}

function readBody<T>(reading: Reading<T>, received: Received, context: Context): Body<T> {
  if (isHtml(received)) return { unusable: 'HtmlResponse', problem: 'a web page came where data was due' };
  if ('value' in reading.success) return { value: reading.success.value };
  if (received.cut === 'BodyTooLarge') return { unusable: received.cut, problem: tooLarge(reading.operation) };
  if (received.cut !== undefined) return { unusable: received.cut, problem: 'the answer ended too early' };
  if (isPart(received)) return { unusable: 'ProtocolError', problem: 'the answer is only a part of the whole' };
  try {
    return { value: reading.success.decode(received.body, context) };
  } catch (error) {
    const problem = error instanceof WireError ? error.message : 'the answer cannot be read';
    return { unusable: 'ProtocolError', problem };
  }
}

function tooLarge(operation: Operation): string {
  if (operation !== 'ListMachines') return 'the answer is too large';
  return `the list is larger than ${listLimits.bytes / 2 ** 20} MiB, which is the most that the operator reads`;
}

/** Some servers label JSON as HTML, and some send no type. The body decides, and the header only supports it. */
function isHtml({ headers, body, cut }: Received): boolean {
  const start = body.trimStart();
  if (start.startsWith('<')) return true;
  if (start === '' || !/html/i.test(headers['content-type'] ?? '')) return false;
  if (cut !== undefined) return !/^[[{]/.test(start);
  try {
    JSON.parse(start);
    return false;
  } catch {
    return true;
  }
}

/** No paging is documented. If it is introduced, a first page must not count as all machines. */
function isPart({ status, headers }: Received): boolean {
  return status === 206 || /\brel\s*=\s*"?next\b/i.test(headers['link'] ?? '');
}

/** A 2xx that is neither HTML nor JSON may be a truncated machine with its password, so nothing of it is quoted. */
function readWords({ body: text, cut }: Received, body: Body<unknown> | undefined, known: SecretMatcher): string {
  const isUndecoded = body !== undefined && 'unusable' in body && body.unusable !== 'HtmlResponse';
  if (isUndecoded) return cut === undefined ? (jsonErrorText(text, known) ?? '') : '';
  return errorText(text, known, cut !== undefined);
}

function accident(exchange: Exclude<Exchange, Received>): string {
  const what = exchange.kind === 'NotSent' ? 'no connection' : 'no answer';
  return exchange.detail === '' ? what : `${what} (${exchange.detail})`;
}

function readRequestId({ headers }: Received, known: SecretMatcher): string | undefined {
  const id = headers['x-request-id'];
  return id !== undefined && /^[\w.:-]{1,128}$/.test(id) && tidy(id, known) === id ? id : undefined;
}
