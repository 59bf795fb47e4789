import { describe, operations, presets } from './faults.mjs';
import { element, liveTable } from './table.mjs';

const status = element('p', { role: 'status', class: 'status' });
const connection = element('p', { class: 'connection', text: 'Connecting…' });

/** Sends a control request; shows what was done, or why it was refused. */
async function send(method, path, body, done) {
  try {
    const response = await fetch(`/_emulator/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    const { problems = [] } = await response.json();
    report(response.ok ? done : problems.join(' '), !response.ok);
    return response.ok;
  } catch {
    report('The emulator does not answer.', true);
    return false;
  }
}

function report(text, isProblem) {
  status.textContent = text;
  status.classList.toggle('problem', isProblem);
}

function button(text, label, click, attributes = {}) {
  return element('button', { type: 'button', text, 'aria-label': label, on: { click }, ...attributes });
}

function field(text, input) {
  return element('label', {}, element('span', { text }), input);
}

function select(options) {
  const made = element('select');
  for (const [value, text] of options) made.append(element('option', { value, text }));
  return made;
}

function section(title, ...children) {
  const heading = element('h2', { text: title });
  return { heading, element: element('section', {}, heading, ...children) };
}

// VMs.

const power = [
  ['start', 'Start'],
  ['stop', 'Stop'],
  ['restart', 'Restart'],
  ['kill', 'Cut power'],
];

function machineActions(current) {
  const { id, name } = current();
  const act = (path, body, done) => send('POST', `machines/${id}/${path}`, body, done);
  const ignores = button('Ignore shutdown', `Guest of ${name} ignores shutdown`, () =>
    act(
      'ignore-shutdown',
      { ignores: !current().ignoresShutdown },
      `The guest of ${name} ${current().ignoresShutdown ? 'obeys' : 'ignores'} the shutdown signal.`,
    ),
  );
  ignores.dataset.toggle = 'ignoresShutdown';
  return [
    ...power.map(([command, text]) =>
      button(text, `${text}: ${name}`, () => act('power', { command }, `Sent ${command} to ${name}.`)),
    ),
    ignores,
    button('Fail next call', `Fail next call about ${name}`, () =>
      send(
        'POST',
        'faults',
        { when: 'before', action: { kind: 'status', status: 500 }, machine: name },
        `The next call about ${name} gets status 500.`,
      ),
    ),
    button('Delete', `Delete: ${name}`, () => act('delete', {}, `Deleted ${name}.`), { class: 'danger' }),
  ];
}

const machines = liveTable({
  caption: 'VMs',
  columns: ['ID', 'Name', 'State', 'Last task', 'Owner'],
  keyOf: ({ id }) => id,
  cells: ({ id, name, state, task, ownerId }) => [id, name, state, `${task.name} ${task.status}`, ownerId],
  actions: machineActions,
  empty: 'None.',
});

async function createMachine(name) {
  const isDone = await send('POST', 'machines', { name }, `Created ${name}, which no object manages.`);
  if (isDone) newName.value = '';
}

const newName = element('input', { required: '', maxlength: '255', autocomplete: 'off', spellcheck: 'false' });
const createForm = element(
  'form',
  {
    class: 'row',
    on: {
      submit: (event) => {
        event.preventDefault();
        void createMachine(newName.value);
      },
    },
  },
  field('Name of a VM', newName),
  element('button', { text: 'Create VM' }),
);
const moreMachines = element('p', { class: 'quiet' });

// Faults.

const faultCalls = select([['', 'any call'], ...operations.map((name) => [name, name])]);
const faultTimes = select([
  ['1', 'once'],
  ['3', '3 times'],
  ['10', '10 times'],
  ['always', 'always'],
]);
const presetButtons = element('div', { class: 'presets' });
for (const { label, meaning, operation: only, ...rule } of presets) {
  const add = () => {
    const operation = only ?? (faultCalls.value === '' ? undefined : faultCalls.value);
    const times = faultTimes.value === 'always' ? 'always' : Number(faultTimes.value);
    void send('POST', 'faults', { ...rule, operation, times }, `Added fault: ${label}.`);
  };
  const id = `fault-${label.toLowerCase().replaceAll(' ', '-')}`;
  presetButtons.append(
    element(
      'div',
      {},
      button(label, undefined, add, { 'aria-describedby': id }),
      element('span', { id, text: only === undefined ? meaning : `${meaning} ${only} only.` }),
    ),
  );
}
const faults = liveTable({
  caption: 'Faults',
  columns: ['Fault', 'Applies', 'Applied to'],
  keyOf: ({ id }) => id,
  cells: (fault) => [
    describe(fault),
    fault.rule.times === 'always' ? 'always' : `${fault.rule.times ?? 1}×`,
    `${fault.hits} calls`,
  ],
  empty: 'None: every call is answered truthfully.',
});
const clearFaults = button('Remove all faults', undefined, () =>
  send('DELETE', 'faults', undefined, 'Removed all faults.'),
);

// Calls.

const calls = liveTable({
  caption: 'Calls',
  columns: ['Time', 'Call', 'VM', 'Result', 'Fault'],
  keyOf: ({ seq }) => seq,
  cells: ({ at, method, path, machineName = '', outcome, fault = '' }) => [
    new Date(at).toISOString().slice(11, 23),
    `${method} ${path}`,
    machineName,
    outcome,
    fault,
  ],
  empty: 'None yet.',
});

// Switches.

const switchInputs = new Map();
const switchList = element('div', { class: 'switches' });

async function buildSwitches() {
  const response = await fetch('/_emulator/switches');
  const { switches, about } = await response.json();
  for (const [name, { expects, description, defaultValue }] of Object.entries(about)) {
    const choices = expects.includes(' | ') ? expects.split(' | ') : undefined;
    const input =
      choices === undefined ? element('input', { spellcheck: 'false' }) : select(choices.map((one) => [one, one]));
    input.value = switches[name];
    input.id = `switch-${name}`;
    input.setAttribute('aria-describedby', `about-${name}`);
    input.addEventListener('change', async () => {
      const isDone = await send('POST', 'switches', { [name]: input.value }, `${name} is ${input.value}.`);
      if (!isDone) input.value = latest.switches[name];
    });
    const item = element(
      'div',
      {},
      element('label', { text: name, for: input.id }),
      input,
      element('p', { id: `about-${name}`, text: `${description} Default: ${JSON.stringify(defaultValue)}.` }),
    );
    switchInputs.set(name, { input, item, defaultValue });
    switchList.append(item);
  }
}

function showSwitches(switches) {
  let changed = 0;
  for (const [name, { input, item, defaultValue }] of switchInputs) {
    // Not while it is being edited.
    if (document.activeElement !== input) input.value = switches[name];
    item.classList.toggle('changed', switches[name] !== defaultValue);
    if (switches[name] !== defaultValue) changed += 1;
  }
  switchesSummary.textContent = `Switches (${changed} changed)`;
}

// Clock.

const advance = element(
  'div',
  { class: 'row', hidden: '' },
  element('span', { class: 'clock' }),
  ...[
    ['1 second', 1_000],
    ['1 minute', 60_000],
    ['1 hour', 3_600_000],
  ].map(([text, ms]) =>
    button(`Advance ${text}`, undefined, () => send('POST', 'clock/advance', { ms }, `The clock advanced by ${text}.`)),
  ),
);

// The page.

const machinesPart = section('VMs', createForm, machines.element, moreMachines);
const faultsPart = section(
  'Faults',
  element('p', { text: 'Choose the calls, and click a fault to add it.' }),
  element('div', { class: 'row' }, field('Calls', faultCalls), field('Applies', faultTimes), clearFaults),
  presetButtons,
  faults.element,
);
const callsPart = section('Calls', calls.element);
const switchesSummary = element('summary', { text: 'Switches' });
const switchesPart = element(
  'details',
  {},
  switchesSummary,
  element('p', { text: 'What the documentation of the provider leaves open. A change applies from the next call on.' }),
  switchList,
);
document
  .querySelector('#console')
  .append(
    element('div', { class: 'bar' }, connection, status),
    advance,
    machinesPart.element,
    faultsPart.element,
    callsPart.element,
    switchesPart,
  );

let latest = { switches: {} };

function show(state) {
  latest = state;
  machinesPart.heading.textContent = `VMs (${state.machineCount})`;
  machines.show(state.machines);
  for (const toggle of machines.element.querySelectorAll('[data-toggle]')) {
    const row = toggle.closest('tr');
    const machine = state.machines.find(({ id }) => String(id) === row.firstElementChild.textContent);
    toggle.setAttribute('aria-pressed', String(machine?.ignoresShutdown === true));
  }
  const hidden = state.machineCount - state.machines.length;
  moreMachines.textContent = hidden > 0 ? `${hidden} more are not shown.` : '';
  faultsPart.heading.textContent = `Faults (${state.faults.length})`;
  faults.show(state.faults);
  callsPart.heading.textContent = `Calls (${state.callCount})`;
  calls.show(state.calls.toReversed());
  showSwitches(state.switches);
  advance.hidden = !state.hasManualClock;
  if (state.now !== undefined) advance.querySelector('.clock').textContent = new Date(state.now).toISOString();
}

await buildSwitches();
const events = new EventSource('/_emulator/events');
events.addEventListener('message', ({ data }) => {
  connection.textContent = 'Live';
  connection.classList.remove('problem');
  show(JSON.parse(data));
});
events.addEventListener('error', () => {
  connection.textContent = 'Disconnected; trying again';
  connection.classList.add('problem');
});
