import { type Clock, systemClock } from '../../domain/clock.ts';
import type { Fence } from '../../domain/fence.ts';
import { type FailureCode, type Operation, type Outcome, isWrite } from '../../domain/failure.ts';
import type { Machine, ProviderId } from '../../domain/machine.ts';
import type { Secret } from '../../domain/secret.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Provider } from '../provider.ts';
import { type Reading, interpret, unsendable } from './response.ts';
import { checkBaseUrl } from '../../domain/base-url.ts';
import { KnownSecrets } from './known-secrets.ts';
import { listLimits } from './list-parser.ts';
import { type ReadRetries, retryRead } from './retry.ts';
import { type Exchange, type ExchangeRequest, exchange } from './transport.ts';

import * as mapping from './decode.ts';

/** A request that has ended. A read may take several. */
export interface CallRecord {
  readonly operation: Operation;
  readonly code: 'ok' | FailureCode;
  readonly status?: number;
  readonly milliseconds: number;
  /** Bytes received of the response body. */
  readonly bytes: number;
}

/**
 * Milliseconds: to connect, for the response to start, and for a whole read with all its attempts. A write ends after
 * connect and response together at the latest, so its caller knows when it has ended.
 */
export interface CallTimeouts {
  readonly connect: number;
  readonly response: number;
  readonly total: number;
}

/** The most bytes of a body: of a list of machines, of any other response, and of an error response. */
export interface BodyLimits {
  readonly list: number;
  readonly other: number;
  readonly error: number;
}

export interface HttpProviderOptions {
  /** The URL of the API, such as `https://api.vps247.com`. A path in it is kept. */
  readonly baseUrl: string;
  readonly apiKey: Secret;
  readonly log: Log;
  readonly clock?: Clock;
  /** Sends a request and receives the response, with the contract of transport.ts. */
  readonly exchange?: (request: ExchangeRequest) => Promise<Exchange>;
  readonly timeouts?: Partial<CallTimeouts>;
  readonly limits?: Partial<BodyLimits>;
  readonly retries?: Partial<ReadRetries>;
  readonly onCall?: (call: CallRecord) => void;
  /** Called directly before a write is sent. A write that it doesn't permit ends as `Canceled`, without effect. */
  readonly fence?: Fence;
  /** Permits plain http to other hosts. */
  readonly insecure?: boolean;
}

const defaultTimeouts: CallTimeouts = { connect: 5_000, response: 30_000, total: 60_000 };
const defaultLimits: BodyLimits = { list: listLimits.bytes, other: 1024 * 1024, error: 16 * 1024 };
const defaultRetries: ReadRetries = { count: 2, minDelay: 250, maxDelay: 2_000 };

type Decode<T> = (body: string, context: mapping.Context) => T;

interface Call<T> extends Reading<T> {
  readonly method: ExchangeRequest['method'];
  readonly path: string;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

/** The provider over HTTP, for one key. Throws only here, and only for a base URL that must not be used. */
export function createHttpProvider(options: HttpProviderOptions): Provider {
  const { log, onCall, clock = systemClock } = options;
  const send = options.exchange ?? exchange;
  const baseUrl = checkBaseUrl(options.baseUrl, options.insecure ?? false);
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const limits = { ...defaultLimits, ...options.limits };
  const retries = { ...defaultRetries, ...options.retries };
  const key = options.apiKey.reveal();
  const secrets = new KnownSecrets(options.apiKey);

  const attempt = async <T>(call: Call<T>, total: number): Promise<Outcome<T>> => {
    const startedAt = clock.monotonic();
    const ended = await send({
      method: call.method,
      url: `${baseUrl}${call.path}`,
      headers: {
        'x-api-key': key,
        accept: 'application/json',
        'user-agent': 'vps247-operator',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: call.body }),
      timeouts: { ...timeouts, total },
      bodyBytes: call.operation === 'ListMachines' ? limits.list : limits.other,
      errorBytes: limits.error,
      signal: call.signal,
      ...(isWrite(call.operation) ? { fence: options.fence } : {}),
    });
    const outcome = interpret(call, ended, { secrets, now: clock.now() });
    const record = describeCall(call.operation, outcome, ended, clock.monotonic() - startedAt);
    const { operation, code, status, bytes } = record;
    log.debug('Sent provider request', {
      operation,
      code,
      status,
      bytes,
      durationSeconds: record.milliseconds / 1_000,
    });
    onCall?.(record);
    return outcome;
  };

  const make = async <T>(call: Call<T>): Promise<Outcome<T>> => {
    if (!/^[\x21-\x7e]+$/.test(key)) return unsendable(call.operation, 'Key');
    if (isWrite(call.operation)) return attempt(call, Math.min(timeouts.connect + timeouts.response, timeouts.total));
    return retryRead((remaining) => attempt(call, remaining), {
      deadline: timeouts.total,
      retries,
      clock,
      signal: call.signal,
    });
  };

  const read = <T>(operation: Operation, path: string, decode: Decode<T>, signal?: AbortSignal) =>
    make({ operation, method: 'GET', path, success: { decode }, signal });

  const readCatalog = <T>(operation: Operation, path: string, decode: Decode<T>, signal?: AbortSignal) =>
    make<T | undefined>({ operation, method: 'GET', path, success: { decode }, absent: { value: undefined }, signal });

  const power = async (operation: Operation, id: ProviderId, verb: string, signal?: AbortSignal) => {
    const path = machinePath(id);
    if (path === undefined) return unsendable(operation, 'Id');
    return make<void>({ operation, method: 'POST', path: `${path}/${verb}`, success: { value: undefined }, signal });
  };

  return {
    listMachines: (signal) => read('ListMachines', '/virtual_machines', mapping.decodeMachines, signal),
    getMachine: async (id, signal) => {
      const path = machinePath(id);
      if (path === undefined) return unsendable('GetMachine', 'Id');
      const decode: Decode<Machine> = (body, context) => mapping.decodeMachineOf(id, body, context);
      return make({
        operation: 'GetMachine',
        method: 'GET',
        path,
        success: { decode },
        absent: { value: undefined },
        signal,
      });
    },
    createMachine: (request, signal) =>
      make({
        operation: 'CreateMachine',
        method: 'POST',
        path: '/virtual_machines',
        body: JSON.stringify(mapping.encodeCreate(request)),
        success: { decode: mapping.decodeCreateResponse },
        signal,
      }),
    deleteMachine: async (id, signal) => {
      const path = machinePath(id);
      if (path === undefined) return unsendable('DeleteMachine', 'Id');
      return make<'Accepted' | 'NotFound'>({
        operation: 'DeleteMachine',
        method: 'DELETE',
        path,
        success: { value: 'Accepted' },
        absent: { value: 'NotFound' },
        signal,
      });
    },
    startMachine: (id, signal) => power('StartMachine', id, 'start', signal),
    stopMachine: (id, signal) => power('StopMachine', id, 'stop', signal),
    restartMachine: (id, signal) => power('RestartMachine', id, 'restart', signal),
    killMachine: (id, signal) => power('KillMachine', id, 'kill', signal),
    listRegions: (signal) => readCatalog('ListRegions', '/regions', mapping.decodeRegions, signal),
    listPackages: (signal) => readCatalog('ListPackages', '/packages', mapping.decodePackages, signal),
    listOsTemplates: (signal) => readCatalog('ListOsTemplates', '/os_templates', mapping.decodeOsTemplates, signal),
  };
}

/** Some ids come from the API server, so this ensures that only digits get into a URL. */
function machinePath(id: ProviderId): string | undefined {
  return Number.isSafeInteger(id) && id > 0 ? `/virtual_machines/${id}` : undefined;
}

function describeCall<T>(operation: Operation, outcome: Outcome<T>, ended: Exchange, milliseconds: number): CallRecord {
  return {
    operation,
    code: outcome.ok ? 'ok' : outcome.failure.code,
    milliseconds: Math.round(milliseconds),
    bytes: ended.kind === 'Received' ? ended.bytes : 0,
    ...(ended.kind === 'Received' ? { status: ended.status } : {}),
  };
}
