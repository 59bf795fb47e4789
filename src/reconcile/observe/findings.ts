import type { MachineObservation } from '../../plan/observed.ts';
import type { MachineRead } from '../object-history.ts';

/** A read that has to start at or after `after` (monotonic): a list, or any read of the object's VM. */
export interface ReadRequest {
  readonly type: 'List' | 'Machine';
  readonly after: number;
}

/** The findings of the search for one VM. Nothing of it is recorded yet. Times are monotonic. */
export interface MachineFinding {
  readonly machine: MachineObservation;
  readonly requests: readonly ReadRequest[];
  readonly lastRead: MachineRead | undefined;
  /** The start of a complete list that lacked the name of a create whose outcome is unknown. */
  readonly absentSince: number | undefined;
  /** Since when the newest lists lack a VM that GET returns; `CaughtUp`: a list shows it again. */
  readonly listLag: { readonly since: number } | 'CaughtUp' | undefined;
}

/** Collects the findings of one search. */
export class Findings {
  readonly #requests: ReadRequest[] = [];
  #lastRead: MachineRead | undefined;
  #absentSince: number | undefined;
  #listLag: MachineFinding['listLag'];

  get absentSince(): number | undefined {
    return this.#absentSince;
  }

  requestList(after: number): void {
    this.#requests.push({ type: 'List', after });
  }

  requestMachine(after: number): void {
    this.#requests.push({ type: 'Machine', after });
  }

  recordMachine(lastRead: MachineRead): void {
    this.#lastRead = lastRead;
  }

  recordAbsence(startedAt: number): void {
    this.#absentSince ??= startedAt;
  }

  listLags(since: number): void {
    this.#listLag = { since };
  }

  listCaughtUp(): void {
    this.#listLag = 'CaughtUp';
  }

  of(machine: MachineObservation): MachineFinding {
    return {
      machine,
      requests: this.#requests,
      lastRead: this.#lastRead,
      absentSince: this.#absentSince,
      listLag: this.#listLag,
    };
  }
}
