import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Response } from './response.ts';
import type { EmulatorClock } from './clock.ts';
import type { Delivery } from './apply-fault.ts';

/** The emulator's clock, and the provider's time that responses show (milliseconds since the epoch). */
interface Times {
  readonly clock: EmulatorClock;
  providerTime(): number;
}

/** Sends the response, or disturbs the connection, as decided. */
export function sendResponse(delivery: Delivery, response: ServerResponse, times: Times): void {
  // The client has disconnected.
  if (response.destroyed) return;
  switch (delivery.kind) {
    case 'answer':
      begin(response, delivery.answer, times);
      response.end(delivery.answer.body);
      return;
    case 'hang':
      return;
    case 'reset':
      reset(response.socket);
      return;
    case 'truncate':
      begin(response, delivery.answer, times);
      response.write(Buffer.from(delivery.answer.body).subarray(0, delivery.bytes), () => response.destroy());
      return;
    case 'drip':
      begin(response, delivery.answer, times);
      drip(Buffer.from(delivery.answer.body), delivery, response, times.clock);
      return;
    case 'oversize':
      response.writeHead(200, { ...dateOf(times.providerTime()), 'Content-Type': 'application/json; charset=utf-8' });
      pour(delivery.bytes, response);
  }
}

/** Status and headers. The length is always sent, so that the client detects a truncated body. */
function begin(response: ServerResponse, answer: Response, times: Times): void {
  response.writeHead(answer.status, headersOf(answer, times.providerTime()));
}

/** The headers of a response at `time`. */
export function headersOf({ status, contentType, headers, body }: Response, time: number): Record<string, string> {
  return {
    ...dateOf(time),
    ...(status === 204 ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
    ...headers,
  };
}

/** By the emulator's clock, because a date in Retry-After is relative to it. */
function dateOf(time: number): { readonly Date: string } {
  return { Date: new Date(time).toUTCString() };
}

function reset(socket: Socket | null): void {
  socket?.resetAndDestroy();
}

function drip(
  rest: Buffer,
  chunks: { readonly bytes: number; readonly everyMs: number },
  response: ServerResponse,
  clock: EmulatorClock,
): void {
  if (response.destroyed) return;
  if (rest.length <= chunks.bytes) {
    response.end(rest);
    return;
  }
  response.write(rest.subarray(0, chunks.bytes));
  clock.schedule(chunks.everyMs, () => drip(rest.subarray(chunks.bytes), chunks, response, clock));
}

/** Writes white space as fast as the client reads it, without holding all of it in memory. */
function pour(bytes: number, response: ServerResponse): void {
  if (response.destroyed) return;
  const chunk = Math.min(bytes, 65_536);
  if (chunk === bytes) response.end(' '.repeat(chunk));
  else response.write(' '.repeat(chunk), () => pour(bytes - chunk, response));
}
