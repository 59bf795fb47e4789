import { json, type Response } from './response.ts';
import type { Emulator } from './emulator.ts';
import { readFaultRule } from './fault-rule.ts';
import type { PanelCreate } from './control-panel.ts';
import { type Requester, whyRefused } from './local-request.ts';
import { readBehavior, behaviorTable } from './behavior.ts';

export const controlPrefix = '/_emulator/';

export interface ControlRequest extends Requester {
  readonly method: string;
  readonly pathname: string;
  readonly searchParams: URLSearchParams;
  readonly body: string;
}

type Fields = Readonly<Record<string, unknown>>;
type Handle = (
  emulator: Emulator,
  call: { readonly body: Fields; readonly id: number; readonly since: number },
) => unknown;

/**
 * The control API for other processes: JSON requests and responses, no key. An error is `{"problems": [sentence, …]}`.
 * Handlers return the body of a 200 and throw a `Refusal` for any other status.
 */
const endpoints: Readonly<Record<string, Handle>> = {
  'GET state': (emulator) => ({
    now: new Date(emulator.clock.now()).toISOString(),
    machines: emulator.machines(),
    catalog: emulator.catalog,
  }),
  /** `?since=SEQ` leaves out the calls up to that one. */
  'GET ledger': ({ ledger }, { since }) => ({
    calls: ledger.callsSince(since),
    effects: ledger.effects.filter(({ seq }) => seq > since),
    callsByOperation: ledger.callsByOperation(),
    liveMachines: ledger.liveMachines(),
    duplicates: ledger.duplicates(),
    forbiddenTransitions: ledger.forbiddenTransitions(),
    impossibleEffects: ledger.impossibleEffects(),
  }),
  /** The parts of the ledger whose size doesn't grow, for frequent polling. */
  'GET calls': ({ ledger }, { since }) => ({
    calls: ledger.callsSince(since),
    callsByOperation: ledger.callsByOperation(),
  }),
  'GET switches': ({ switches }) => ({
    switches,
    about: Object.fromEntries(
      Object.entries(behaviorTable).map(([name, { expects, description, defaultValue }]) => [
        name,
        { expects, description, defaultValue },
      ]),
    ),
  }),
  'POST switches': (emulator, { body }) => {
    const { switches, problems } = readBehavior(body);
    if (problems.length > 0) throw new Refusal(400, problems);
    emulator.setSwitches(switches);
    return { switches: emulator.switches };
  },
  'GET faults': (emulator) => ({ faults: emulator.faults() }),
  'POST faults': (emulator, { body }) => {
    const rule = readFaultRule(body);
    if (typeof rule === 'string') throw new Refusal(400, [rule]);
    return { id: emulator.addFault(rule).id };
  },
  'DELETE faults': (emulator) => {
    emulator.clearFaults();
    return {};
  },
  'DELETE recordings': (emulator) => {
    emulator.recordAnew();
    return {};
  },
  'POST machines': (emulator, { body }) => ({ id: emulator.panel.create(readPanelCreate(body)) }),
  'POST machines/{id}/power': (emulator, { body: { command }, id }) => {
    if (command !== 'start' && command !== 'stop' && command !== 'restart' && command !== 'kill') {
      throw new Refusal(400, ['"command" must be start, stop, restart or kill.']);
    }
    if (!emulator.panel.power(id, command))
      throw new Refusal(409, [`The VM doesn't accept a ${command} in its present state.`]);
    return {};
  },
  'POST machines/{id}/ignore-shutdown': (emulator, { body: { ignores }, id }) => {
    if (typeof ignores !== 'boolean') throw new Refusal(400, ['"ignores" must be true or false.']);
    emulator.setIgnoresShutdown(id, ignores);
    return {};
  },
  'POST machines/{id}/delete': (emulator, { id }) => {
    emulator.panel.delete(id);
    return {};
  },
  'POST clock/advance': async ({ clock }, { body: { ms } }) => {
    if (clock.advance === undefined)
      throw new Refusal(409, ['The clock advances by itself; start the emulator with --manual-clock.']);
    if (typeof ms !== 'number' || !Number.isSafeInteger(ms) || ms < 0) {
      throw new Refusal(400, ['"ms" must be a number of milliseconds.']);
    }
    await clock.advance(ms);
    return { now: new Date(clock.now()).toISOString() };
  },
};

/** Method and path below the prefix, such as `GET ledger`. */
export const controlEndpoints: readonly string[] = Object.keys(endpoints);

class Refusal extends Error {
  readonly status: number;
  readonly problems: readonly string[];

  constructor(status: number, problems: readonly string[]) {
    super(problems.join(' '));
    this.status = status;
    this.problems = problems;
  }
}

/** Answers control requests from the local host only, and not those of other pages in a browser. */
export function createControl(emulator: Emulator): (request: ControlRequest) => Promise<Response> {
  return async (request) => {
    try {
      return json(200, await handle(emulator, request));
    } catch (error) {
      if (error instanceof Refusal) return json(error.status, { problems: error.problems });
      throw error;
    }
  };
}

async function handle(emulator: Emulator, request: ControlRequest): Promise<unknown> {
  const refusal = whyRefused(request);
  if (refusal !== undefined) throw new Refusal(403, [refusal]);
  const path = request.pathname.slice(controlPrefix.length);
  const id = /^machines\/(\d{1,15})\//.exec(path)?.[1];
  const endpoint = `${request.method} ${id === undefined ? path : path.replace(id, '{id}')}`;
  const found = Object.hasOwn(endpoints, endpoint) ? endpoints[endpoint] : undefined;
  if (found === undefined) throw new Refusal(404, [`${endpoint} not found; valid: ${controlEndpoints.join(', ')}.`]);
  if (id !== undefined && !emulator.machines().some((machine) => machine.id === Number(id))) {
    throw new Refusal(404, [`VM ${id} not found.`]);
  }
  const since = Number(request.searchParams.get('since') ?? 0);
  return found(emulator, {
    body: readBody(request.body),
    id: Number(id ?? 0),
    since: Number.isFinite(since) ? since : 0,
  });
}

function readBody(body: string): Fields {
  if (body.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(body);
    // `as`: any object is accepted; each handler validates its own fields.
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  } catch {
    // Reported below, as for every other body that isn't an object.
  }
  throw new Refusal(400, ['The body must be a JSON object.']);
}

function readPanelCreate({ name, state, ownerId, regionId, packageId, osTemplateId }: Fields): PanelCreate {
  if (typeof name !== 'string' || name === '') throw new Refusal(400, ['"name" must be the name of the VM.']);
  if (state !== undefined && state !== 'running' && state !== 'halted') {
    throw new Refusal(400, ['"state" must be running or halted.']);
  }
  const ids = Object.entries({ ownerId, regionId, packageId, osTemplateId }).filter(([, id]) => id !== undefined);
  const wrong = ids.filter(([, id]) => !Number.isSafeInteger(id));
  if (wrong.length > 0)
    throw new Refusal(
      400,
      wrong.map(([field]) => `"${field}" must be a number.`),
    );
  return { name, ...(state === undefined ? {} : { state }), ...Object.fromEntries(ids) };
}
