import { uptime, type Machine } from './machine.ts';
import { billedHours, writeMachine, type Writing } from './wire-format.ts';

interface Kept {
  readonly switches: Writing['switches'];
  readonly version: string;
  readonly text: string;
}

/**
 * Caches each VM's JSON until the VM changes. Serializing ten thousand VMs for every list would make the emulator
 * slower than its client, and benchmarks would measure the emulator.
 */
export class MachineTexts {
  readonly #kept = new WeakMap<Machine, Kept>();

  of(machine: Machine, writing: Writing): string {
    const { switches } = writing;
    const version = versionOf(machine, writing);
    const kept = this.#kept.get(machine);
    // A changed switch is a new object.
    if (kept?.switches === switches && kept.version === version) return kept.text;
    const text = JSON.stringify(writeMachine(machine, writing));
    this.#kept.set(machine, { switches, version, text });
    return text;
  }
}

/** Everything that the JSON of a VM depends on. */
function versionOf(machine: Machine, { switches, now }: Writing): string {
  const { state, task, updatedAt, createdAt } = machine;
  const age = now - createdAt;
  const hours = billedHours(uptime(machine, now));
  const shows = `${age < switches.passwordLag} ${age < switches.addressLag}`;
  return `${state} ${task.id} ${task.status} ${updatedAt} ${hours} ${shows}`;
}
