import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import * as commands from '../../src/api/v1alpha1/commands.ts';

/** What no shell may take for anything but itself. */
const hostile = `a'b"c$HOME$(id)\`id\`\\n\n!! #;&|<>*?[~]{1,2}=\u202e\ud83d\ude00`;
const names = { namespace: hostile, name: hostile };

/** The words that `kubectl` gets, for each call that a shell makes of the text. */
function callsOf(command: string, exitCode = 0): readonly (readonly string[])[] {
  const script = `kubectl() { printf '%s\\0' "$@"; printf '\\0'; return ${exitCode}; }\n${command}`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: exitCode, stderr: '' });
  return stdout
    .split('\0\0')
    .slice(0, -1)
    .map((call) => call.split('\0'));
}

test.each<[command: string, calls: readonly (readonly unknown[])[]]>([
  [commands.deleteObject(names), [['-n', hostile, 'delete', 'vps', hostile]]],
  [
    commands.annotate(names, { 'vps247.com/a': hostile, 'vps247.com/b': undefined }),
    [['-n', hostile, 'annotate', 'vps', hostile, `vps247.com/a=${hostile}`, 'vps247.com/b-', '--overwrite']],
  ],
  [
    commands.annotate(names, { 'vps247.com/b': undefined }),
    [['-n', hostile, 'annotate', 'vps', hostile, 'vps247.com/b-']],
  ],
  [
    commands.createApiKey(hostile, { name: hostile, key: hostile }),
    [['-n', hostile, 'create', 'secret', 'generic', hostile, `--from-literal=${hostile}=YOUR-KEY`]],
  ],
  [
    commands.labelSecret(hostile, hostile, 'a/b=true'),
    [['-n', hostile, 'label', 'secret', hostile, 'a/b=true', '--overwrite']],
  ],
])('a shell parses the command correctly with any names: %j', (command, calls) => {
  expect(callsOf(command)).toEqual(calls);
});

test.each<[command: string, patch: object]>([
  [commands.patchSpec(names, { region: { name: hostile } }), { spec: { region: { name: hostile } } }],
  [commands.adoptVm(names, 7), { spec: { adoption: { policy: 'MustExist', id: 7 } } }],
  [commands.resetStatus(names), { status: null }],
  [commands.replaceApiKey(hostile, { name: hostile, key: hostile }), { stringData: { [hostile]: 'YOUR-KEY' } }],
])('a patch is correct, on one line without hidden characters: %j', (command, patch) => {
  const [words = []] = callsOf(command);
  expect(JSON.parse(words.at(-1) ?? '')).toEqual(patch);
  expect(words.at(-1)).not.toMatch(/[\n\u202e]/);
});

test('two commands in one run one after the other', () => {
  const [deleted, annotated = []] = callsOf(commands.replaceSecret(names, hostile));
  expect(deleted).toEqual(['-n', hostile, 'delete', 'secret', hostile]);
  expect(annotated.slice(0, -1)).toEqual(['-n', hostile, 'annotate', 'vps', hostile, '--overwrite']);
  expect(annotated.at(-1)).toMatch(/^vps247\.com\/reconcile-requested-at=.*\d{4}/);
  expect(callsOf(commands.deleteKeepingVm(names)).map(([, , verb]) => verb)).toEqual(['patch', 'delete']);
});

test('the command that deletes a protected object lifts its protection first', () => {
  const patches = [commands.deleteObject(names, true), commands.deleteKeepingVm(names, true)].map((command) => {
    const [patch = [], deleted = []] = callsOf(command);
    return [JSON.parse(patch.at(-1) ?? ''), deleted[2]];
  });
  expect(patches).toEqual([
    [{ spec: { deletionProtection: false } }, 'delete'],
    [{ spec: { deletionPolicy: 'Retain', deletionProtection: false } }, 'delete'],
  ]);
});

test('of two commands in one, the second does not run if the first fails', () => {
  expect(callsOf(commands.deleteKeepingVm(names), 1).map(([, , verb]) => verb)).toEqual(['patch']);
  expect(callsOf(commands.replaceSecret(names, hostile), 1).map(([, , verb]) => verb)).toEqual(['delete']);
});

test('a usual name needs no quotation marks', () => {
  expect(commands.deleteObject({ namespace: 'default', name: 'web-1.example' })).toBe(
    'kubectl -n default delete vps web-1.example',
  );
});
