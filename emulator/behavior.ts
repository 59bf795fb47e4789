/**
 * Each switch is a question that the provider's documentation leaves open or answers in two ways. The table is the only
 * place that names them: types, defaults, the program's help and the control API are generated from it.
 */
interface Setting<T> {
  readonly defaultValue: T;
  readonly expects: string;
  readonly description: string;
  /** The value that `input` (of a flag or of JSON) stands for, or undefined. */
  read(input: unknown): T | undefined;
}

/** The first value is the default. */
function choice<const T extends string>(values: readonly [T, ...T[]], description: string): Setting<T> {
  return {
    defaultValue: values[0],
    expects: values.join(' | '),
    description,
    read: (input) => values.find((value) => value === String(input)),
  };
}

function count(description: string, defaultValue = 0): Setting<number> {
  return {
    defaultValue,
    expects: 'a whole number',
    description,
    read: (input) => {
      const value = typeof input === 'string' && /^\d{1,12}$/.test(input) ? Number(input) : input;
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
    },
  };
}

function offset(description: string): Setting<number> {
  return {
    defaultValue: 0,
    expects: 'a whole number, negative or not',
    description,
    read: (input) => {
      const value = typeof input === 'string' && /^-?\d{1,12}$/.test(input) ? Number(input) : input;
      return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
    },
  };
}

function text(defaultValue: string, description: string): Setting<string> {
  return {
    defaultValue,
    expects: 'a text',
    description,
    read: (input) => (typeof input === 'string' ? input : undefined),
  };
}

/** A regular expression that is matched against VM names; the empty text matches none. */
function names(description: string): Setting<string> {
  return {
    defaultValue: '',
    expects: 'a regular expression',
    description,
    read: (input) => (typeof input === 'string' && isPattern(input) ? input : undefined),
  };
}

export const behaviorTable = {
  listShape: choice(
    ['array', 'named', 'data'],
    'Envelope of a list: a bare array, or an object with the list under its name or under "data".',
  ),
  itemShape: choice(['bare', 'virtual_machine', 'vm'], 'Envelope of a VM.'),
  idShape: choice(['number', 'string'], 'JSON type of ids.'),
  addressShape: choice(['ip_allocations', 'ip_assignments', 'both'], 'Fields that contain the addresses.'),
  ipv6Allocation: choice(['subnet', 'address'], 'Whether the IPv6 allocation of a VM is a whole /64 or one address.'),
  createAnswer: choice(
    ['machine', 'wrapped', 'id', 'success-id', 'success', 'empty'],
    'Response to a create; the last two contain no id.',
  ),
  powerAnswer: choice(['machine', 'success', 'empty'], 'Response to a power call.'),
  errorBody: choice(
    ['error', 'errors-string', 'errors-array', 'errors-map', 'message', 'text', 'html', 'empty'],
    'Format of an error.',
  ),
  stateSpelling: choice(['documented', 'aliases', 'upper'], 'Spelling of states.'),
  transferField: choice(['month_transfer', 'transfer_month'], 'Name of the field with the remaining transfer.'),
  optionalFields: choice(['shown', 'null', 'missing'], 'All fields of a VM except id, name and state.'),
  unknownFields: choice(['none', 'some'], 'Whether VMs have undocumented fields.'),
  lastTask: choice(['shown', 'missing'], 'Whether a VM shows its last task.'),
  failedTasks: names(
    'Tasks that fail without effect, matched as task and VM name: "VmCreate web" is the create of the VM web.',
  ),
  accept: choice(['any', 'strict'], 'strict: a request that does not accept JSON gets a 406.'),

  unknownKey: choice(['401', '403', 'html', 'redirect'], 'Response to an unknown key.'),
  loginUrl: text('/login', 'Target of the redirect for an unknown key.'),
  catalog: choice(['available', '404'], 'Whether the lists of regions, packages and templates exist.'),
  duplicateNames: choice(['400', '422', 'allowed'], 'Response to a create whose name is taken.'),

  startInWrongState: choice(
    ['406', '200'],
    'Response to a start of a VM that is not halted: refused, or accepted without effect.',
  ),
  killWhileHalting: choice(['200', '406'], 'Response to a power cut of a halting VM.'),
  killEffect: choice(['halts', 'resets'], 'Whether a power cut halts a VM or reboots it.'),
  deleteInTransition: choice(['400', '406', '409'], 'Response to a delete of a VM in a transitional state.'),
  stopTask: choice(['ends-with-signal', 'lasts-until-halted'], 'When the task of a stop completes.'),
  ignoredStop: choice(
    ['stays-halting', 'back-to-running', 'stays-running'],
    'State of a VM whose guest ignores the shutdown signal.',
  ),
  ignoresShutdownNames: names('VMs whose guest ignores the shutdown signal.'),
  bootLoopNames: names('VMs whose guest halts again soon after each boot.'),
  bootLoopAfter: count('Milliseconds that such a guest runs.', 1_000),
  bootLoopCount: count('How many times it halts again; 0: always.'),
  strangeStateNames: names('VMs that show an undocumented state.'),
  strangeState: text('migrating', 'The undocumented state.'),
  transferUsedNames: names('VMs that have used a part of their monthly transfer; all others have used none.'),
  transferUsed: count('Percentage that these VMs have used.', 100),

  deniedNames: names('VMs that exist, but are missing from lists and return 404.'),
  listLag: count('Milliseconds until a new VM appears in the list.'),
  getLag: count('Milliseconds until a new VM can be read by its id.'),
  deletedListLag: count('Milliseconds for which a deleted VM still appears in the list.'),
  addressLag: count('Milliseconds until a new VM shows its addresses.'),
  passwordLag: count('Milliseconds until a new VM shows its password.'),
  clockOffset: offset("Milliseconds by which the provider's clock is ahead, or behind if negative."),
};

export type Behavior = {
  readonly [K in keyof typeof behaviorTable]: (typeof behaviorTable)[K] extends Setting<infer T> ? T : never;
};

export const defaultBehavior: Behavior = Object.fromEntries(
  Object.entries(behaviorTable).map(([name, { defaultValue }]) => [name, defaultValue]),
  // `fromEntries` loses which value belongs to which name; the table above defines it.
) as Behavior;

/**
 * Validates values from outside. It reports all problems at once, a description each; `switches` is only usable without
 * any.
 */
export function readBehavior(input: Readonly<Record<string, unknown>>): {
  readonly switches: Partial<Behavior>;
  readonly problems: readonly string[];
} {
  const known: ReadonlyMap<string, Setting<unknown>> = new Map(Object.entries(behaviorTable));
  const switches: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, value] of Object.entries(input)) {
    const row = known.get(name);
    const read = row?.read(value);
    if (row === undefined) problems.push(`Unknown switch "${name}".`);
    else if (read === undefined)
      problems.push(`The switch "${name}" takes ${row.expects}, not ${JSON.stringify(value)}.`);
    else switches[name] = read;
  }
  // Each value was read by its own row.
  return { switches: switches as Partial<Behavior>, problems };
}

/** Whether a switch that is a pattern of VM names matches this name. */
export function isNamed(pattern: string, name: string): boolean {
  return pattern !== '' && new RegExp(pattern).test(name);
}

function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp;
  } catch {
    return false;
  }
}
