import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { exitCodes } from '../../src/kubectl-vps/failure.ts';
import { explain } from '../../src/kubectl-vps/kubectl.ts';
import { verbs } from '../../src/kubectl-vps/verbs.ts';
import { condition, FakeKubectl, vm, vps } from './world.ts';

describe('one sentence for what kubectl says', () => {
  test.each([
    [
      'no CRD',
      'error: the server doesn\'t have a resource type "virtualmachines"',
      "This cluster doesn't have the CRD virtualmachines.vps247.com. Install the operator, or choose another cluster with --context.",
    ],
    [
      'no CRD of Accounts',
      'error: the server doesn\'t have a resource type "accounts"',
      "This cluster doesn't have the CRD accounts.vps247.com, which is optional. Ask your cluster administrator to set accounts.enabled: true in the operator's chart.",
    ],
    [
      'a CRD of Accounts that was deleted',
      'Error from server (NotFound): Unable to list "vps247.com/v1alpha1, Resource=accounts": the server could not find the requested resource (get accounts.vps247.com)',
      "This cluster doesn't have the CRD accounts.vps247.com, which is optional. Ask your cluster administrator to set accounts.enabled: true in the operator's chart.",
    ],
    [
      'no Account of this name',
      'Error from server (NotFound): accounts.vps247.com "main" not found',
      'Account "main" not found. "kubectl get vpsaccount -A" lists all Accounts.',
    ],
    [
      'no permission',
      'Error from server (Forbidden): virtualmachines.vps247.com "web" is forbidden: User "ann" cannot get resource "virtualmachines" in API group "vps247.com" in the namespace "default"',
      'You don\'t have the permission: User "ann" cannot get resource "virtualmachines" in API group "vps247.com" in the namespace "default". Ask your cluster administrator for it.',
    ],
    [
      'no API server',
      'E1130 17:00:00.000000   42 memcache.go:265] "Unhandled Error" err="couldn\'t get current server API group list: Get \\"https://127.0.0.1:1/api\\": dial tcp 127.0.0.1:1: connect: connection refused"\nThe connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?',
      "The API server can't be reached: The connection to the server 127.0.0.1:1 was refused.",
    ],
    [
      'an API server that does not answer',
      'Unable to connect to the server: context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
      "The API server can't be reached: Unable to connect to the server: context deadline exceeded (Client.Timeout exceeded while awaiting headers).",
    ],
    [
      'no login',
      'error: You must be logged in to the server (Unauthorized)',
      "The API server doesn't accept your credentials. Log in again.",
    ],
    [
      'an unknown context',
      'error: context "prod" does not exist',
      'The context "prod" doesn\'t exist. "kubectl config get-contexts" lists all contexts.',
    ],
    [
      'an unknown context given as an option',
      'Error in configuration: context was not found for specified context: prod',
      'The context "prod" doesn\'t exist. "kubectl config get-contexts" lists all contexts.',
    ],
    [
      'an unknown namespace',
      'Error from server (NotFound): namespaces "shop" not found',
      'Namespace "shop" not found.',
    ],
    [
      'a refused value',
      'Warning: something\nThe VirtualMachine "web" is invalid: spec: Invalid value: the VM exists',
      'The VirtualMachine "web" is invalid: spec: Invalid value: the VM exists',
    ],
    ['a text with terminal escapes', 'error: \u001b[31mred', 'kubectl: \ufffd[31mred'],
    ['nothing', '', 'kubectl failed without a message.'],
  ])('%s', (_, stderr, sentence) => {
    expect(explain(stderr)).toBe(sentence);
  });
});

test("the API server's warnings are shown, and nothing else of what kubectl logs", async () => {
  const fake = new FakeKubectl(vm('web'));
  fake.failures.set('patch', {
    code: 0,
    stdout: JSON.stringify({ spec: { powerState: 'Halted' } }),
    stderr: 'I1130 a log line\nWarning: deprecated\u001b[2J\n',
  });
  expect((await vps(fake, 'stop web')).stderr).toBe('Warning: deprecated\ufffd[2J\n');
});

test('without kubectl', async () => {
  const fake = new FakeKubectl();
  fake.failures.set('get', { code: null, missing: true });
  expect(await vps(fake, 'status web')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'Error: kubectl was not found. Install kubectl, or add its folder to PATH.\n',
  });
});

test('a cluster with another version of the API', async () => {
  const old = { ...vm('web'), apiVersion: 'vps247.com/v1alpha0' };
  expect((await vps(new FakeKubectl(old), 'status web')).stderr).toBe(
    "Error: The cluster serves VirtualMachine as vps247.com/v1alpha0, and this plugin knows vps247.com/v1alpha1. Use the plugin of the operator's version.\n",
  );
});

test("a status of an older CRD, without any of the fields, doesn't make the plugin fail", async () => {
  const old = { ...vm('web'), spec: {}, status: { conditions: [condition('Ready', 'True', 'Available')] } };
  for (const command of ['status web', 'stop web', 'plan web', 'inventory -o ansible', 'adopt-back', 'restart web'])
    expect(await vps(new FakeKubectl(old), command), command).toMatchObject({ code: 0 });
});

describe('wrong usage ends with 2, before any call', () => {
  test.each([
    ['stpo web', 'Unknown verb "stpo". Did you mean "stop"?'],
    ['Status web', 'Unknown verb "Status". "kubectl vps --help" lists the verbs.'],
    ['nope', 'Unknown verb "nope". "kubectl vps --help" lists the verbs.'],
    ['constructor', 'Unknown verb "constructor". "kubectl vps --help" lists the verbs.'],
    ['stop web --wiat', 'Unknown option "--wiat". Did you mean --wait?'],
    ['stop web -x', 'Unknown option "-x".'],
    ['stop web --__proto__', 'Unknown option "--__proto__".'],
    ['stop web -n', 'The option -n needs a value.'],
    ['stop web --wait=yes', 'The option --wait takes no value.'],
    ['status web --wait', '"kubectl vps status" has no option --wait. "kubectl vps status --help" lists them.'],
    ['status web -o yaml', '-o yaml is not valid; valid: json.'],
    ['status', 'Name one object: kubectl vps status NAME.'],
    ['status a b', 'Name one object: kubectl vps status NAME.'],
    ['inventory', 'Choose a format; valid: ansible, ssh-config.'],
    ['inventory -o toString', '-o toString is not valid; valid: ansible, ssh-config.'],
    ['ssh web --login -oProxyCommand=x', '"-oProxyCommand=x" is not the name of a user.'],
    ['catalog -o yaml', '-o yaml is not valid; valid: json.'],
    ['catalog a b', 'Name at most one Account: kubectl vps catalog [ACCOUNT].'],
    ['catalog vps/web', '"vps/web" is not the name of an Account. "kubectl get vpsaccount" lists the names.'],
    ['import', "Pass --account NAME, or the provider's list of VMs: --from FILE, or --from - for standard input."],
    ['import --account main --from -', 'Use either --account or --from.'],
  ])('%s', async (command, message) => {
    const fake = new FakeKubectl(vm('web'));
    expect(await vps(fake, command)).toEqual({ code: 2, stdout: '', stderr: `Error: ${message}\n` });
    expect(fake.writes()).toEqual([]);
  });
});

test("kubectl's options reach every call", async () => {
  const fake = new FakeKubectl(vm('web', { metadata: { namespace: 'shop' } }));
  await vps(fake, 'stop web -n shop --context prod --kubeconfig=/a/b --as ann --request-timeout 5s');
  expect(fake.calls.length).toBeGreaterThan(1);
  for (const args of fake.calls) {
    const given = ['--context=prod', '--kubeconfig=/a/b', '--as=ann', '--request-timeout=5s', '--namespace=shop'];
    expect(args).toEqual(expect.arrayContaining(given));
  }
});

test('the page lists the exit codes and every verb', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../docs/kubectl-vps.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (\d) +\| (.*?) +\|$/gm)].map(([, code, meaning]) => [code, meaning]);
  expect(rows).toEqual(Object.entries(exitCodes));
  for (const verb of Object.keys(verbs)) expect(page, verb).toMatch(new RegExp(`kubectl vps ${verb}|\`${verb} `));
});

test.each(Object.entries(verbs))('the help of %s has its options, and examples that are valid', async (name, verb) => {
  const { stdout } = await vps(new FakeKubectl(), `${name} --help`);
  for (const option of verb.options) expect(stdout).toContain(`--${option}`);
  for (const example of verb.examples) {
    expect(stdout).toContain(`  kubectl vps ${example}\n`);
    const words = example.replace(/ [<>].*/, '').split(' ');
    const { stderr } = await vps(new FakeKubectl(vm('web')), words, { input: '[]' });
    expect(stderr, example).not.toMatch(/Unknown|has no option|needs a value|takes no/);
  }
});
