import { createManualClock } from '../../emulator/clock.ts';
import { createEmulator, type Emulator, type EmulatorOptions } from '../../emulator/emulator.ts';
import type { Delivery } from '../../emulator/apply-fault.ts';

export const order = { os_template_id: 1, region_id: 1, package_id: 1, has_private_networking: false, has_ipv6: false };

/** Every part of the provider's work takes so long here, in milliseconds; nothing is drawn by chance. */
export const latencies = { pickup: 10, provision: 100, start: 100, halt: 100, kill: 100, remove: 0, giveUp: 500 };

/** What an answer's JSON holds, as far as tests look into it. */
export interface Body {
  readonly id?: number | string;
  readonly state?: string;
  readonly last_task?: { readonly id: number; readonly name: string; readonly status: string };
  readonly [field: string]: unknown;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed body. */
  readonly body: Body;
}

export interface Visit {
  readonly emulator: Emulator;
  /** Moves time, in milliseconds. */
  advance(milliseconds: number): void;
  /** A call without a network in between; it must be answered at once. */
  call(method: string, path: string, body?: unknown, more?: { readonly key?: string; readonly accept?: string }): Reply;
  /** A call and whatever is delivered for it, now or later. */
  send(method: string, path: string, body?: unknown): { readonly deliveries: readonly Delivery[] };
  /** Creates a machine and lets time pass until it runs; returns its id. */
  running(name?: string, more?: object): number;
  halted(name?: string, more?: object): number;
  state(id: number): string | undefined;
}

/** An emulator on a clock that stands still, two accounts, and a way to talk to it. */
export function visit(options: Partial<EmulatorOptions> = {}): Visit {
  const clock = createManualClock();
  const accounts = [
    { ownerId: 1, keys: ['ours', 'ours-too'] },
    { ownerId: 2, keys: ['theirs'] },
  ];
  const emulator = createEmulator({ accounts, clock, latencies, ...options });

  const send: Visit['send'] = (method, path, body) => {
    const deliveries: Delivery[] = [];
    receive(method, path, body, { key: 'ours' }, (delivery) => deliveries.push(delivery));
    return { deliveries };
  };

  function receive(
    method: string,
    path: string,
    body: unknown,
    { key, accept }: { readonly key?: string; readonly accept?: string },
    deliver: (delivery: Delivery) => void,
  ): void {
    const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    emulator.receive({ method, path, key, accept, body: text }, deliver);
  }

  const call: Visit['call'] = (method, path, body, more = {}) => {
    let delivered: Delivery | undefined;
    receive(method, path, body, { key: 'ours', ...more }, (delivery) => {
      delivered = delivery;
    });
    if (delivered?.kind !== 'answer') throw new Error(`${method} ${path} was not answered`);
    const { status, body: text, headers = {} } = delivered.answer;
    return {
      status,
      text,
      headers,
      get body() {
        // A test that looks at a field that is not there fails by itself.
        return JSON.parse(text) as Body;
      },
    };
  };

  const create = (name: string, more: object): number => {
    const { status, text } = call('POST', '/virtual_machines', { ...order, name, ...more });
    const id = emulator.machines().at(-1)?.id;
    if (status !== 201 || id === undefined) throw new Error(`the create was answered ${status} ${text}`);
    clock.advance(latencies.pickup + latencies.provision);
    return id;
  };

  return {
    emulator,
    advance: (milliseconds) => clock.advance(milliseconds),
    call,
    send,
    running: (name = 'web', more = {}) => create(name, more),
    halted: (name = 'web', more = {}) => {
      const id = create(name, more);
      call('POST', `/virtual_machines/${id}/kill`);
      clock.advance(latencies.pickup + latencies.kill);
      return id;
    },
    state: (id) => emulator.machines().find((machine) => machine.id === id)?.state,
  };
}
