import type { Accounts } from './accounts.ts';
import { html, json, jsonText, redirect, refusal, type Response } from './response.ts';
import type { Catalog } from './catalog.ts';
import type { EmulatorClock } from './clock.ts';
import type { Fleet } from './fleet.ts';
import type { Machine } from './machine.ts';
import { MachineTexts } from './machine-texts.ts';
import type { Operation } from './operations.ts';
import { readCreateRequest } from './create-request.ts';
import { isNamed, type Behavior } from './behavior.ts';
import type { PowerCommand } from './transitions.ts';
import {
  writeCreated,
  writeList,
  writeMachine,
  writeOsTemplate,
  writePackage,
  writePowered,
  writeRegion,
} from './wire-format.ts';

/** A request to the provider, parsed as far as its method, path and headers. */
export interface Call {
  /** Its number in the ledger, recorded as the cause of its effects. */
  readonly seq: number;
  readonly operation: Operation;
  readonly machineOrEntryId: number | undefined;
  readonly key: string | undefined;
  readonly accept: string | undefined;
  /** Parsed JSON; undefined if the body isn't JSON. */
  readonly body: unknown;
}

export interface ProviderWorld {
  readonly clock: EmulatorClock;
  readonly accounts: Accounts;
  readonly catalog: Catalog;
  readonly fleet: Fleet;
  readonly switches: () => Behavior;
}

const powerCommands: Partial<Readonly<Record<Operation, PowerCommand>>> = {
  StartMachine: 'start',
  StopMachine: 'stop',
  RestartMachine: 'restart',
  KillMachine: 'kill',
};

/** Handles a call as the provider does and returns the response. Faults are applied elsewhere. */
export class ProviderApi {
  readonly #world: ProviderWorld;
  readonly #texts = new MachineTexts();

  constructor(world: ProviderWorld) {
    this.#world = world;
  }

  answer(call: Call): Response {
    const switches = this.#world.switches();
    const ownerId = this.#world.accounts.ownerOf(call.key);
    if (ownerId === undefined) return reject(switches);
    if (switches.accept === 'strict' && !/\*\/\*|application\/(\*|json)/i.test(call.accept ?? '*/*')) {
      return refusal(406, 'accept', 'Only application/json can be sent', switches);
    }
    return this.#machines(call, ownerId) ?? this.#catalog(call) ?? notFound(switches);
  }

  /** Undefined: not a call for VMs, or the account doesn't have the VM. */
  #machines(call: Call, ownerId: number): Response | undefined {
    switch (call.operation) {
      case 'ListMachines':
        return this.#list(ownerId);
      case 'CreateMachine':
        return this.#create(call, ownerId);
      case 'GetMachine': {
        const machine = this.#owned(call, ownerId);
        const { getLag, deniedNames } = this.#world.switches();
        const isFound = machine !== undefined && this.#age(machine) >= getLag && !isNamed(deniedNames, machine.name);
        return isFound ? json(200, this.#write(machine)) : undefined;
      }
      case 'DeleteMachine': {
        const machine = this.#owned(call, ownerId);
        return machine === undefined ? undefined : this.#delete(call, machine);
      }
      default: {
        const command = powerCommands[call.operation];
        const machine = this.#owned(call, ownerId);
        return command === undefined || machine === undefined ? undefined : this.#power(call, command, machine);
      }
    }
  }

  #list(ownerId: number): Response {
    const { listLag, deniedNames } = this.#world.switches();
    const listed = this.#world.fleet
      .all()
      .filter((machine) => machine.ownerId === ownerId && this.#age(machine) >= listLag)
      .filter(({ name }) => !isNamed(deniedNames, name));
    const writing = this.#writing();
    const texts = listed.map((machine) => this.#texts.of(machine, writing));
    return jsonText(200, writeList(texts, 'virtual_machines', writing.switches));
  }

  #create(call: Call, ownerId: number): Response {
    const switches = this.#world.switches();
    const request = readCreateRequest(call.body, this.#world.catalog);
    if ('sentence' in request) return refusal(400, request.field, request.sentence, switches);
    if (switches.duplicateNames !== 'allowed' && this.#world.fleet.isNameTaken(request.name, ownerId)) {
      return refusal(Number(switches.duplicateNames), 'name', 'name has already been taken', switches);
    }
    const machine = this.#world.fleet.create(request, ownerId, call.seq);
    return json(201, writeCreated(machine, this.#writing()));
  }

  #delete(call: Call, machine: Machine): Response {
    const switches = this.#world.switches();
    if (this.#world.fleet.remove(machine, call.seq)) return { status: 204, body: '' };
    return machine.state === 'running'
      ? refusal(400, 'state', 'The virtual machine must be powered down first', switches)
      : refusal(Number(switches.deleteInTransition), 'state', 'The virtual machine is busy', switches);
  }

  #power(call: Call, command: PowerCommand, machine: Machine): Response {
    return this.#world.fleet.power(machine, command, call.seq)
      ? json(200, writePowered(machine, this.#writing()))
      : refusal(406, 'state', `Cannot ${command} a virtual machine in this state`, this.#world.switches());
  }

  #catalog({ operation, machineOrEntryId: id }: Call): Response | undefined {
    const switches = this.#world.switches();
    if (switches.catalog === '404') return undefined;
    const { regions, packages, osTemplates } = this.#world.catalog;
    switch (operation) {
      case 'ListRegions':
        return list(regions, 'regions', writeRegion, switches);
      case 'ListPackages':
        return list(packages, 'packages', writePackage, switches);
      case 'ListOsTemplates':
        return list(osTemplates, 'os_templates', writeOsTemplate, switches);
      case 'GetRegion':
        return single(regions, id, (entry) => writeRegion(entry, switches));
      case 'GetPackage':
        return single(packages, id, (entry) => writePackage(entry, switches));
      case 'GetOsTemplate':
        return single(osTemplates, id, (entry) => writeOsTemplate(entry, switches));
      default:
        return undefined;
    }
  }

  /** A VM of another account counts as missing. */
  #owned({ machineOrEntryId: id }: Call, ownerId: number): Machine | undefined {
    const machine = id === undefined ? undefined : this.#world.fleet.find(id);
    return machine?.ownerId === ownerId ? machine : undefined;
  }

  #age({ createdAt }: Machine): number {
    return this.#world.clock.now() - createdAt;
  }

  #write(machine: Machine): unknown {
    return writeMachine(machine, this.#writing());
  }

  #writing() {
    return { switches: this.#world.switches(), catalog: this.#world.catalog, now: this.#world.clock.now() };
  }
}

function list<T>(
  entries: readonly T[],
  name: string,
  write: (entry: T, switches: Behavior) => unknown,
  switches: Behavior,
): Response {
  const texts = entries.map((entry) => JSON.stringify(write(entry, switches)));
  return jsonText(200, writeList(texts, name, switches));
}

function single<T extends { readonly id: number }>(
  entries: readonly T[],
  id: number | undefined,
  write: (entry: T) => unknown,
): Response | undefined {
  const entry = entries.find((candidate) => candidate.id === id);
  return entry === undefined ? undefined : json(200, write(entry));
}

function reject(switches: Behavior): Response {
  switch (switches.unknownKey) {
    case '401':
      return refusal(401, 'key', 'The API key is not valid', switches);
    case '403':
      return refusal(403, 'key', 'The API key may not do this', switches);
    case 'html':
      return html(200, 'Log in');
    case 'redirect':
      return redirect(302, switches.loginUrl);
  }
}

function notFound(switches: Behavior): Response {
  return refusal(404, 'id', 'Not found', switches);
}
