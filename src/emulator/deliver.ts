import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Answer } from './answer.ts';
import type { EmulatorClock } from './clock.ts';
import type { Delivery } from './spoil.ts';

/** Does to the connection what was decided, sound or spoiled. */
export function deliver(delivery: Delivery, response: ServerResponse, clock: EmulatorClock): void {
  // Who is gone needs no answer.
  if (response.destroyed) return;
  switch (delivery.kind) {
    case 'answer':
      begin(response, delivery.answer, clock);
      response.end(delivery.answer.body);
      return;
    case 'hang':
      return;
    case 'reset':
      reset(response.socket);
      return;
    case 'truncate':
      begin(response, delivery.answer, clock);
      response.write(Buffer.from(delivery.answer.body).subarray(0, delivery.bytes), () => response.destroy());
      return;
    case 'drip':
      begin(response, delivery.answer, clock);
      drip(Buffer.from(delivery.answer.body), delivery, response, clock);
      return;
    case 'oversize':
      response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' });
      pour(delivery.bytes, response);
  }
}

/** Status and headers. The length is always told, so that a body which ends early is seen to. */
function begin(response: ServerResponse, { status, contentType, headers, body }: Answer, clock: EmulatorClock): void {
  // The provider's clock is the emulator's, or dates in Retry-After would be off.
  response.setHeader('Date', new Date(clock.now()).toUTCString());
  response.writeHead(status, {
    ...(status === 204 ? {} : { 'Content-Length': Buffer.byteLength(body) }),
    ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
    ...headers,
  });
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
