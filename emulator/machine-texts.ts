import { uptime, type Machine } from './machine.ts';
import { billedHours, writeMachine, type Writing } from './wire-format.ts';

interface Kept {
  readonly switches: Writing['switches'];
  readonly version: string;
  readonly text: string;
}

/**
 * Each machine's JSON, kept until something in it changes. Written anew for every list, ten thousand machines would take
 * the emulator longer than their reader, and what is measured against it would be its own slowness.
 */
export class MachineTexts {
  readonly #kept = new WeakMap<Machine, Kept>();

  of(machine: Machine, writing: Writing): string {
    const { switches } = writing;
    const version = versionOf(machine, writing);
    const kept = this.#kept.get(machine);
    // Turned switches are a new object.
    if (kept?.switches === switches && kept.version === version) return kept.text;
    const text = JSON.stringify(writeMachine(machine, writing));
    this.#kept.set(machine, { switches, version, text });
    return text;
  }
}

/** Everything that changes in what is written of a machine. */
function versionOf(machine: Machine, { switches, now }: Writing): string {
  const { state, task, updatedAt, createdAt } = machine;
  const age = now - createdAt;
  const hours = billedHours(uptime(machine, now));
  const shows = `${age < switches.passwordLag} ${age < switches.addressLag}`;
  return `${state} ${task.id} ${task.status} ${updatedAt} ${hours} ${shows}`;
}
