import type { ServerResponse } from 'node:http';
import { shownMachines, type Emulator } from './emulator.ts';

/** The newest calls that the console shows. */
const maxCalls = 60;
/** How often changes are looked for, in milliseconds of real time: the emulator's clock may stand still. */
const interval = 200;
/** A comment after this many intervals without a change, so that a closed connection is noticed. */
const quietIntervals = 75;

/** What the console shows: like the control API, without keys and passwords. */
function liveState(emulator: Emulator): object {
  const machines = emulator.machines();
  return {
    machines: machines.slice(0, shownMachines),
    machineCount: machines.length,
    calls: emulator.ledger.calls.slice(-maxCalls),
    callCount: emulator.ledger.calls.length,
    faults: emulator.faults(),
    switches: emulator.switches,
    hasManualClock: emulator.clock.advance !== undefined,
    // The real clock would be a change by itself.
    ...(emulator.clock.advance === undefined ? {} : { now: emulator.clock.now() }),
  };
}

/** Sends the state as server-sent events: at once, and after each change, until the client disconnects. */
export function streamState(emulator: Emulator, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store' });
  let sent = '';
  let quiet = 0;
  const send = (): void => {
    // A client that doesn't read gets the newest state when it does.
    if (response.writableNeedDrain) return;
    const text = JSON.stringify(liveState(emulator));
    quiet = text === sent ? quiet + 1 : 0;
    if (quiet > 0 && quiet % quietIntervals === 0) response.write(':\n\n');
    if (quiet > 0) return;
    sent = text;
    response.write(`data: ${text}\n\n`);
  };
  send();
  const timer = setInterval(send, interval).unref();
  response.once('close', () => clearInterval(timer));
}
