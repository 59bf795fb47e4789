import type { Latencies } from './latencies.ts';
import type { Behavior } from './behavior.ts';

/**
 * The assumed state machine of a VM. Pure: a table of the commands that each state accepts, and for each command
 * the steps that follow.
 *
 * | command \ state | pending | starting | running  | halting            | halted   | task in progress     |
 * | --------------- | ------- | -------- | -------- | ------------------ | -------- | ------------------ |
 * | start           | refuse* | refuse*  | refuse*  | refuse*            | accept   | refuse             |
 * | stop            | refuse  | refuse   | accept   | refuse             | refuse   | refuse             |
 * | restart         | refuse  | refuse   | accept   | refuse             | refuse   | refuse             |
 * | kill            | refuse  | refuse   | accept   | by switch          | refuse   | as without task |
 * | delete          | refuse  | refuse   | refuse   | refuse             | accept   | refuse             |
 *
 * \* A switch makes it accepted without effect. A kill is for a VM that doesn't respond, so a stop in progress doesn't
 * block it; any other task does.
 */
export type State = 'pending' | 'starting' | 'running' | 'halting' | 'halted';
export type PowerCommand = 'start' | 'stop' | 'restart' | 'kill';
export type Command = PowerCommand | 'delete';
export type TaskName = 'VmCreate' | 'VmStart' | 'VmStop' | 'VmRestart' | 'VmKill' | 'VmDelete';
export type TaskStatus = 'pending' | 'running' | 'complete' | 'failed';

export interface Task {
  readonly id: number;
  readonly name: TaskName;
  readonly status: TaskStatus;
}

/** `ignore` is a 200 without effect. */
export type CommandResult = 'accept' | 'ignore' | 'refuse';

/** One step: its delay, and what it changes. */
export interface Step {
  readonly after: keyof Latencies;
  readonly to?: State;
  readonly task?: TaskStatus;
}

const acceptedIn: Readonly<Record<Command, readonly State[]>> = {
  start: ['halted'],
  stop: ['running'],
  restart: ['running'],
  kill: ['running', 'halting'],
  delete: ['halted'],
};

export function isTaskInProgress(task: Task): boolean {
  return task.status === 'pending' || task.status === 'running';
}

/** Whether a command is accepted for a VM that really is in this state. */
export function commandResult(command: Command, state: State, task: Task, switches: Behavior): CommandResult {
  if (isTaskInProgress(task) && !(command === 'kill' && task.name === 'VmStop')) return 'refuse';
  if (command === 'kill' && isHalting(state, task) && switches.killWhileHalting === '406') return 'refuse';
  if (acceptedIn[command].includes(state)) return 'accept';
  return command === 'start' && switches.startInWrongState === '200' ? 'ignore' : 'refuse';
}

function isHalting(state: State, task: Task): boolean {
  return state === 'halting' || (task.name === 'VmStop' && isTaskInProgress(task));
}

export const taskOf: Readonly<Record<Command | 'create', TaskName>> = {
  create: 'VmCreate',
  start: 'VmStart',
  stop: 'VmStop',
  restart: 'VmRestart',
  kill: 'VmKill',
  delete: 'VmDelete',
};

/** The steps after an accepted command. Its task is `pending` until the first step; the state doesn't change before. */
export function stepsOf(
  command: PowerCommand | 'create',
  switches: Behavior,
  guest: { readonly ignoresShutdown: boolean },
): readonly Step[] {
  switch (command) {
    case 'create':
      return [
        { after: 'pickup', task: 'running' },
        { after: 'provision', to: 'running', task: 'complete' },
      ];
    case 'start':
      return [
        { after: 'pickup', to: 'starting', task: 'running' },
        { after: 'start', to: 'running', task: 'complete' },
      ];
    case 'stop':
      return guest.ignoresShutdown
        ? ignoredStop(switches)
        : [signal(switches), { after: 'halt', to: 'halted', task: 'complete' }];
    case 'restart':
      // The provider powers the VM off and on by itself, so a restart also works for a guest that ignores signals.
      return [
        { after: 'pickup', to: 'halting', task: 'running' },
        { after: 'halt', to: 'starting' },
        { after: 'start', to: 'running', task: 'complete' },
      ];
    case 'kill':
      return switches.killEffect === 'halts'
        ? [
            { after: 'pickup', task: 'running' },
            { after: 'kill', to: 'halted', task: 'complete' },
          ]
        : [
            { after: 'pickup', task: 'running' },
            { after: 'kill', to: 'starting' },
            { after: 'start', to: 'running', task: 'complete' },
          ];
  }
}

/** The steps of a task that fails: it takes as long as the first change would, and changes nothing. */
export function failing(steps: readonly Step[]): readonly Step[] {
  const { after = 'pickup' } = steps.at(1) ?? {};
  return [
    { after: 'pickup', task: 'running' },
    { after, task: 'failed' },
  ];
}

function signal({ stopTask }: Behavior): Step {
  return { after: 'pickup', to: 'halting', task: stopTask === 'ends-with-signal' ? 'complete' : 'running' };
}

function ignoredStop(switches: Behavior): readonly Step[] {
  switch (switches.ignoredStop) {
    case 'stays-halting':
      return [signal(switches)];
    case 'back-to-running':
      return [signal(switches), { after: 'giveUp', to: 'running', task: 'failed' }];
    case 'stays-running':
      return [{ after: 'pickup', task: 'complete' }];
  }
}

/** All transitions that are possible with any switches; the ledger is verified against them. */
export const possibleMoves: Readonly<Record<State, readonly State[]>> = {
  pending: ['running'],
  starting: ['running'],
  // Directly to halted by a power cut or a boot loop, directly to starting by a reset.
  running: ['halting', 'halted', 'starting'],
  halting: ['halted', 'running', 'starting'],
  halted: ['starting'],
};
