import { describe, expect, test } from 'vitest';
import type { Operation } from '../../../src/domain/failure.ts';
import { isWrite, operations } from '../../../src/domain/failure.ts';
import type { CallEvent, Unusable } from '../../../src/provider/http/classify.ts';
import { classify } from '../../../src/provider/http/classify.ts';

/** `Class/Code`, or the meaning of an answer that does not report a failure. */
function say(operation: Operation, event: CallEvent): string {
  const classified = classify(operation, event);
  return typeof classified === 'string' ? classified : `${classified.class}/${classified.code}`;
}

const status = (code: number, retryAfter = false): CallEvent => ({ kind: 'Responded', status: code, retryAfter });
const unusable = (why: Unusable): CallEvent => ({ kind: 'Responded', status: 200, retryAfter: false, unusable: why });

interface Row {
  readonly reason: string;
  readonly event: CallEvent;
  readonly list: string;
  readonly get: string;
  readonly catalog: string;
  readonly create: string;
  readonly remove: string;
  readonly power: string;
}

function row(reason: string, event: CallEvent, cells: [string, string, string, string, string, string]): Row {
  const [list, get, catalog, create, remove, power] = cells;
  return { reason, event, list, get, catalog, create, remove, power };
}

const everywhere = (reason: string, event: CallEvent, cell: string): Row =>
  row(reason, event, [cell, cell, cell, cell, cell, cell]);

/** The same for all reads, and for all writes. */
const split = (reason: string, event: CallEvent, read: string, write: string): Row =>
  row(reason, event, [read, read, read, write, write, write]);

const table: readonly Row[] = [
  everywhere(
    'a key that no header can carry is a wrong key',
    { kind: 'Unsendable', part: 'Key' },
    'Credentials/Unauthorized',
  ),
  everywhere(
    'an id that no URL can carry never gets better',
    { kind: 'Unsendable', part: 'Id' },
    'Terminal/BadRequest',
  ),

  everywhere('nothing listens: nothing was sent', { kind: 'NotSent', code: 'ConnectFailed' }, 'Retry/ConnectFailed'),
  everywhere('no connection in time: nothing was sent', { kind: 'NotSent', code: 'Timeout' }, 'Retry/Timeout'),
  everywhere('given up before sending', { kind: 'NotSent', code: 'Canceled' }, 'Retry/Canceled'),
  split(
    'reset after sending',
    { kind: 'Lost', code: 'ConnectionLost' },
    'Retry/ConnectionLost',
    'UnknownOutcome/ConnectionLost',
  ),
  split('no answer in time', { kind: 'Lost', code: 'Timeout' }, 'Retry/Timeout', 'UnknownOutcome/Timeout'),
  split('given up after sending', { kind: 'Lost', code: 'Canceled' }, 'Retry/Canceled', 'UnknownOutcome/Canceled'),

  ...[200, 201, 202, 204].map((code) => everywhere(`${code} is a success`, status(code), 'Success')),
  everywhere('a login page instead of data', unusable('HtmlResponse'), 'Credentials/HtmlResponse'),
  ...(['ProtocolError', 'BodyTooLarge', 'ConnectionLost', 'Timeout', 'Canceled'] as const).map((why) =>
    row(`accepted, and the body is ${why}: only a create has something to tell there`, unusable(why), [
      `Retry/${why}`,
      `Retry/${why}`,
      `Retry/${why}`,
      `UnknownOutcome/${why}`,
      'Success',
      'Success',
    ]),
  ),

  ...[300, 301, 302, 303, 304, 307, 308].map((code) =>
    everywhere(`${code}: to a login page, most likely`, status(code), 'Credentials/Redirected'),
  ),
  row('refused; a delete means: it still runs', status(400), [
    'Retry/BadRequest',
    'Retry/BadRequest',
    'Retry/BadRequest',
    'Terminal/BadRequest',
    'Wait/BadRequest',
    'Retry/BadRequest',
  ]),
  everywhere('the key is not accepted', status(401), 'Credentials/Unauthorized'),
  everywhere('the key may not do this', status(403), 'Credentials/Forbidden'),
  row('no credit', status(402), [
    'Retry/PaymentRequired',
    'Retry/PaymentRequired',
    'Retry/PaymentRequired',
    'Terminal/PaymentRequired',
    'Retry/PaymentRequired',
    'Retry/PaymentRequired',
  ]),
  row('not there; a list that is not there is a wrong address, never an empty list', status(404), [
    'Retry/NotFound',
    'Absent',
    'Absent',
    'Terminal/NotFound',
    'Absent',
    'Retry/NotFound',
  ]),
  everywhere('busy, or in the wrong state: look again, then decide', status(406), 'Wait/Busy'),
  split(
    'gave up on the request, perhaps after reading all of it',
    status(408),
    'Retry/Timeout',
    'UnknownOutcome/Timeout',
  ),
  row('conflict', status(409), [
    'Retry/Conflict',
    'Retry/Conflict',
    'Retry/Conflict',
    'Terminal/Conflict',
    'Retry/Conflict',
    'Retry/Conflict',
  ]),
  row('not acceptable as it is', status(422), [
    'Retry/Unprocessable',
    'Retry/Unprocessable',
    'Retry/Unprocessable',
    'Terminal/Unprocessable',
    'Retry/Unprocessable',
    'Retry/Unprocessable',
  ]),
  everywhere('too many', status(429), 'Wait/RateLimited'),
  everywhere('too many, with a time', status(429, true), 'Wait/RateLimited'),
  ...[405, 410, 413, 418, 451, 499].map((code) =>
    row(`${code}: an undocumented refusal`, status(code), [
      'Retry/UnexpectedStatus',
      'Retry/UnexpectedStatus',
      'Retry/UnexpectedStatus',
      'Terminal/UnexpectedStatus',
      'Retry/UnexpectedStatus',
      'Retry/UnexpectedStatus',
    ]),
  ),
  split('unavailable for a known time', status(503, true), 'Wait/ServerError', 'UnknownOutcome/ServerError'),
  split('in trouble for a known time', status(500, true), 'Retry/ServerError', 'UnknownOutcome/ServerError'),
  ...[500, 502, 503, 504, 599].map((code) =>
    split(
      `${code}: it may have been done before it failed`,
      status(code),
      'Retry/ServerError',
      'UnknownOutcome/ServerError',
    ),
  ),
  ...[0, 101, 600, 999].map((code) =>
    split(
      `${code} cannot be the status of an answer`,
      status(code),
      'Retry/UnexpectedStatus',
      'UnknownOutcome/UnexpectedStatus',
    ),
  ),
];

const columnOf: Readonly<Record<Operation, Exclude<keyof Row, 'reason' | 'event'>>> = {
  ListMachines: 'list',
  GetMachine: 'get',
  CreateMachine: 'create',
  DeleteMachine: 'remove',
  StartMachine: 'power',
  StopMachine: 'power',
  RestartMachine: 'power',
  KillMachine: 'power',
  ListRegions: 'catalog',
  ListPackages: 'catalog',
  ListOsTemplates: 'catalog',
};

describe.for(operations)('%s', (operation) => {
  test.for(table)('$event: $reason', (line) => {
    expect(say(operation, line.event)).toBe(line[columnOf[operation]]);
  });
});

test('for any status, a write that may have taken effect is never repeated, and no refusal proves absence', () => {
  for (let code = 0; code < 1_000; code += 1) {
    for (const operation of operations) {
      const said = say(operation, status(code));
      if (isWrite(operation) && (code < 200 || code >= 500 || code === 408)) expect(said).toMatch(/^UnknownOutcome/);
      if (said === 'Success') expect(Math.trunc(code / 100)).toBe(2);
      if (said === 'Absent') expect(code).toBe(404);
    }
  }
});
