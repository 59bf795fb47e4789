import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Response } from './response.ts';
import type { EmulatorClock } from './clock.ts';
import type { Delivery } from './apply-fault.ts';

/** Time as it passes, and as the provider tells it (milliseconds since the epoch). */
interface Times {
  readonly clock: EmulatorClock;
  toldTime(): number;
}

/** Does to the connection what was decided, sound or spoiled. */
export function sendResponse(delivery: Delivery, response: ServerResponse, times: Times): void {
  // Who is gone needs no answer.
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
      response.writeHead(200, { ...dateOf(times.toldTime()), 'Content-Type': 'application/json; charset=utf-8' });
      pour(delivery.bytes, response);
  }
}

/** Status and headers. The length is always told, so that a body which ends early is seen to. */
function begin(response: ServerResponse, answer: Response, times: Times): void {
  response.writeHead(answer.status, headersOf(answer, times.toldTime()));
}

/** The headers that go with an answer given at `time`. */
export function headersOf({ status, contentType, headers, body }: Response, time: number): Record<string, string> {
  return {
    ...dateOf(time),
    ...(status === 204 ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
    ...headers,
  };
}

/** By the emulator's clock, or dates in Retry-After would mean nothing. */
function dateOf(time: number): { readonly Date: string } {
  return { Date: new Date(time).toUTCString() };
}

function reset(socket: Socket | null): void {
  socket?.resetAndDestroy();
}

function drip(
  rest: Buffer,
  pace: { readonly bytes: number; readonly everyMs: number },
  response: ServerResponse,
  clock: EmulatorClock,
): void {
  if (response.destroyed) return;
  if (rest.length <= pace.bytes) {
    response.end(rest);
    return;
  }
  response.write(rest.subarray(0, pace.bytes));
  clock.schedule(pace.everyMs, () => drip(rest.subarray(pace.bytes), pace, response, clock));
}

/** Writes white space as fast as it is read, without ever holding all of it. */
function pour(bytes: number, response: ServerResponse): void {
  if (response.destroyed) return;
  const chunk = Math.min(bytes, 65_536);
  if (chunk === bytes) response.end(' '.repeat(chunk));
  else response.write(' '.repeat(chunk), () => pour(bytes - chunk, response));
}
