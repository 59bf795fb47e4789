import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { passwordMarker } from '../../emulator/fleet.ts';

/**
 * A provider that lies, for the tests of the trust model. It keeps a truthful store of VMs and a ledger of every call and effect; what it
 * answers can be replaced, one request at a time, by any status, headers, bytes and delay. It shares no behavior with the emulator.
 */
export type Operation =
  'List' | 'Get' | 'Create' | 'Delete' | 'Start' | 'Stop' | 'Restart' | 'Kill' | 'Regions' | 'Packages' | 'OsTemplates';

/** A VM as the API writes it. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A value is written as JSON. */
  readonly body?: string | Buffer | object;
  /** Milliseconds. */
  readonly delay?: number;
  /** Ends the connection instead of an answer. */
  readonly reset?: true;
}

export interface Question {
  readonly operation: Operation;
  readonly id: number | undefined;
  /** The owner of the account that the key opens. */
  readonly owner: number;
  readonly apiKey: string;
  /** Carries the request out and returns the true answer. Without this call the request has no effect. */
  truth(): Answer;
}

/** Returns what is answered instead of the truth, or undefined to leave the request to the next lie. */
export type Lie = (question: Question) => Answer | undefined;

/** One request as it arrived. */
export interface Call {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly operation: Operation | 'Unknown';
  readonly apiKey: string;
  /** Undefined for a key of no account. */
  readonly owner: number | undefined;
  readonly id: number | undefined;
  /** The name that a create asks for. */
  readonly name: string | undefined;
}

interface Vm {
  readonly id: number;
  readonly owner: number;
  readonly name: string;
  readonly createdAt: number;
  readonly password: string;
  readonly order: Fields;
  updatedAt: number;
  state: string;
  /** The state that follows, and when. */
  next: { readonly state: string; readonly at: number } | undefined;
}

const transition = 100;
const writes: ReadonlySet<string> = new Set<Operation>(['Create', 'Delete', 'Start', 'Stop', 'Restart', 'Kill']);
const actions: Readonly<Record<string, Operation>> = { start: 'Start', stop: 'Stop', restart: 'Restart', kill: 'Kill' };
const lists: Readonly<Record<string, Operation>> = {
  regions: 'Regions',
  packages: 'Packages',
  os_templates: 'OsTemplates',
};

const catalog: Partial<Readonly<Record<Operation, readonly Fields[]>>> = {
  Regions: [{ id: 1, name: 'Amsterdam 1', country_code: 'NL', package_ids: [1] }],
  Packages: [{ id: 1, name: 'Budget', memory: 512, disk_space: 20_480, cpu_cores: 1, os_template_ids: [1] }],
  OsTemplates: [{ id: 1, name: 'Debian 13 x64', os_type: 'linux', min_size: 5, description: 'Debian' }],
};

export class HostileProvider implements AsyncDisposable {
  readonly calls: Call[] = [];
  /** The newest lie is asked first. */
  readonly #lies: Lie[] = [];
  readonly #owners = new Map<string, number>();
  readonly #vms = new Map<number, Vm>();
  readonly #created: { readonly owner: number; readonly name: string; readonly id: number }[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections that have carried a request, and when the last answer on each ended. */
  readonly #idleSince = new WeakMap<Socket, number>();
  #deadAfter = Infinity;
  #underWay = 0;
  #nextId = 1_001;
  /** The maximum of requests in flight at once. */
  mostAtOnce = 0;
  /** Most connections that were open at once. */
  mostConnections = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    this.#server.keepAliveTimeout = 600_000;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      this.mostConnections = Math.max(this.mostConnections, this.#sockets.size);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    });
  }

  static async start(): Promise<HostileProvider> {
    const provider = new HostileProvider();
    await new Promise<void>((resolve) => provider.#server.listen(0, '127.0.0.1', resolve));
    return provider;
  }

  get url(): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the provider does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Opens an account to a key; several keys may open one. */
  account(owner: number, apiKey: string): void {
    this.#owners.set(apiKey, owner);
  }

  /** Adds a VM that no call of the operator created. */
  plant(owner: number, name: string, state = 'running'): number {
    return this.#add(owner, name, {}, state).id;
  }

  /** Deletes a VM behind the operator's back. */
  destroy(id: number): void {
    this.#vms.delete(id);
  }

  /** Adds a lie; the function that is returned ends it. */
  lie(lie: Lie): () => void {
    this.#lies.unshift(lie);
    return () => {
      const at = this.#lies.indexOf(lie);
      if (at >= 0) this.#lies.splice(at, 1);
    };
  }

  /** Rewrites every VM of true answers; undefined leaves a VM out of lists, and answers 404 to its id. */
  lieAboutVms(change: (vm: Fields) => Fields | undefined): () => void {
    return this.lie(({ operation, truth }) => {
      if (operation !== 'List' && operation !== 'Get' && operation !== 'Create') return undefined;
      const answer = truth();
      if (answer.status >= 300 || answer.body === undefined) return answer;
      if (Array.isArray(answer.body)) {
        return { ...answer, body: answer.body.map(change).filter((vm) => vm !== undefined) };
      }
      const vm = change(answer.body as Fields); // what `truth` answers to one VM
      return vm === undefined ? notFound : { ...answer, body: vm };
    });
  }

  /** Requests on connections that were idle for longer are never answered and have no effect, as behind a NAT that forgot them. */
  killIdleConnections(after: number): void {
    this.#deadAfter = after;
  }

  /** VMs that exist, by account. */
  vms(owner: number): readonly { readonly id: number; readonly name: string; readonly state: string }[] {
    return [...this.#vms.values()]
      .filter((vm) => vm.owner === owner)
      .map((vm) => {
        settle(vm);
        return { id: vm.id, name: vm.name, state: vm.state };
      });
  }

  /** Every VM that a create call ever made in the account. */
  created(owner: number): readonly { readonly name: string; readonly id: number }[] {
    return this.#created.filter((one) => one.owner === owner);
  }

  /** Calls that bill, cut power or destroy, as `Stop 1001` or `Create web-1234`. */
  writes(owner: number): readonly string[] {
    return this.calls
      .filter((call) => call.owner === owner && writes.has(call.operation))
      .map(({ operation, id, name }) => `${operation} ${id ?? name}`);
  }

  lists(owner: number): number {
    return this.calls.filter((call) => call.owner === owner && call.operation === 'List').length;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const idleSince = this.#idleSince.get(socket);
    if (idleSince !== undefined && performance.now() - idleSince > this.#deadAfter) return;
    this.#underWay += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#underWay);
    try {
      const answer = this.#answer(request, await bodyOf(request));
      if (answer.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, answer.delay));
      if (answer.reset === true) return void socket.destroy();
      const { body } = answer;
      const bytes =
        typeof body === 'string' || Buffer.isBuffer(body)
          ? body
          : body === undefined
            ? undefined
            : JSON.stringify(body);
      response.writeHead(answer.status, { 'Content-Type': 'application/json', ...answer.headers });
      response.end(bytes);
    } finally {
      this.#underWay -= 1;
      this.#idleSince.set(socket, performance.now());
    }
  }

  #answer(request: IncomingMessage, body: string): Answer {
    const { operation, id } = route(request.method ?? '', request.url ?? '/');
    const apiKey = String(request.headers['x-api-key'] ?? '');
    const owner = this.#owners.get(apiKey);
    const order = operation === 'Create' ? parse(body) : {};
    const name = typeof order['name'] === 'string' ? order['name'] : undefined;
    this.calls.push({ at: Date.now(), operation, apiKey, owner, id, name });
    if (operation === 'Unknown') return notFound;
    const truth =
      owner === undefined
        ? (): Answer => ({ status: 401, body: { error: 'Invalid API key' } })
        : (): Answer => this.#carryOut(operation, owner, id, order);
    for (const lie of this.#lies) {
      const answer = lie({ operation, id, owner: owner ?? 0, apiKey, truth });
      if (answer !== undefined) return answer;
    }
    return truth();
  }

  #carryOut(operation: Operation, owner: number, id: number | undefined, order: Fields): Answer {
    if (operation === 'List') {
      const vms = [...this.#vms.values()].filter((vm) => vm.owner === owner);
      return { status: 200, body: vms.map(fieldsOf) };
    }
    const offered = catalog[operation];
    if (offered !== undefined) return { status: 200, body: offered };
    if (operation === 'Create') {
      const name = String(order['name']);
      // Unique names are promised by the API and not proven: this provider creates a second VM of a name.
      const vm = this.#add(owner, name, order, 'pending');
      this.#created.push({ owner, name, id: vm.id });
      return { status: 201, body: fieldsOf(vm) };
    }
    const vm = this.#vms.get(id ?? 0);
    if (vm === undefined || vm.owner !== owner) return notFound;
    settle(vm);
    if (operation === 'Get') return { status: 200, body: fieldsOf(vm) };
    if (operation === 'Delete') {
      if (vm.state === 'running') return { status: 400, body: { error: 'The VM is running' } };
      this.#vms.delete(vm.id);
      return { status: 204 };
    }
    return this.#power(operation, vm);
  }

  #power(operation: Operation, vm: Vm): Answer {
    if (vm.next !== undefined && operation !== 'Kill') return { status: 406, body: { error: 'The VM is busy' } };
    const now = Date.now();
    const goal = operation === 'Start' || operation === 'Restart' ? 'running' : 'halted';
    if (vm.state === goal && operation !== 'Restart') return { status: 406, body: { error: `The VM is ${goal}` } };
    vm.state = goal === 'running' ? 'starting' : 'halting';
    vm.next = { state: goal, at: now + transition };
    vm.updatedAt = now;
    return { status: 200, body: fieldsOf(vm) };
  }

  #add(owner: number, name: string, order: Fields, state: string): Vm {
    const now = Date.now();
    const id = this.#nextId;
    this.#nextId += 1;
    const vm: Vm = {
      id,
      owner,
      name,
      order,
      createdAt: now,
      updatedAt: now,
      password: `${passwordMarker}hostile-${id}`,
      state,
      next: state === 'pending' ? { state: 'running', at: now + transition } : undefined,
    };
    this.#vms.set(id, vm);
    return vm;
  }
}

const notFound: Answer = { status: 404, body: { error: 'Not found' } };

/** A step that is due is performed at the next read. */
function settle(vm: Vm): void {
  if (vm.next === undefined || Date.now() < vm.next.at) return;
  vm.state = vm.next.state;
  vm.next = undefined;
}

/** In a network that is reserved for documentation. */
export function addressOf(id: number): string {
  return `198.51.100.${id % 250}`;
}

function fieldsOf(vm: Vm): Fields {
  settle(vm);
  return {
    id: vm.id,
    name: vm.name,
    hostname: vm.name.toLowerCase(),
    state: vm.state,
    created_at: new Date(vm.createdAt).toISOString(),
    updated_at: new Date(vm.updatedAt).toISOString(),
    owner_id: vm.owner,
    region_id: vm.order['region_id'] ?? 1,
    region_name: 'Amsterdam 1',
    package_id: vm.order['package_id'] ?? 1,
    package_name: 'Budget',
    os_template_id: vm.order['os_template_id'] ?? 1,
    os_template_name: 'Debian 13 x64',
    initial_password: vm.password,
    ip_allocations: [
      {
        version: 4,
        first: addressOf(vm.id),
        last: addressOf(vm.id),
        gateway: '198.51.100.254',
        prefixlen: 24,
      },
    ],
    last_task: { id: vm.id, name: 'VmBoot', progress: null, status: 'completed' },
    unbilled_hours: 1,
    transfer: 512_000,
    month_transfer: 512_000,
    virtual_machine_disk_ids: [vm.id],
  };
}

function route(method: string, url: string): { readonly operation: Operation | 'Unknown'; readonly id?: number } {
  const [, collection = '', digits, action] = new URL(url, 'http://provider').pathname.split('/');
  if (method === 'GET' && digits === undefined && lists[collection] !== undefined)
    return { operation: lists[collection] };
  if (collection !== 'virtual_machines') return { operation: 'Unknown' };
  if (digits === undefined) return { operation: method === 'GET' ? 'List' : method === 'POST' ? 'Create' : 'Unknown' };
  const id = Number(digits);
  if (action !== undefined) return { operation: (method === 'POST' ? actions[action] : undefined) ?? 'Unknown', id };
  return { operation: method === 'GET' ? 'Get' : method === 'DELETE' ? 'Delete' : 'Unknown', id };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  // Without an encoding set, a request yields bytes.
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('utf8');
}

function parse(body: string): Fields {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Fields) : {}; // each field is checked where it is read
  } catch {
    return {};
  }
}
