import { describe, expect, test } from 'vitest';
import { condition, FakeKubectl, vm, vps } from './world.ts';

describe('ssh', () => {
  test.each([
    ['ssh web', ['ssh', '-l', 'root', '--', '198.18.0.1']],
    ['ssh web --login admin', ['ssh', '-l', 'admin', '--', '198.18.0.1']],
    ['ssh web -- uptime -p', ['ssh', '-l', 'root', '--', '198.18.0.1', 'uptime', '-p']],
  ])('%s', async (command, expected) => {
    const executed: (readonly string[])[] = [];
    expect(await vps(new FakeKubectl(vm('web')), command, { executed })).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(executed).toEqual([expected]);
  });

  test('--dry-run prints a command that a shell takes as it is meant', async () => {
    const { stdout } = await vps(new FakeKubectl(vm('web')), ['ssh', 'web', '--dry-run', '--', "echo 'a b'; ls"]);
    expect(stdout).toBe(`ssh -l root -- 198.18.0.1 'echo '\\''a b'\\''; ls'\n`);
  });

  test.each([[[]], [[{ version: 4, address: '-oProxyCommand=touch x' }]], [[{ version: 6, first: '2001:db8::' }]]])(
    'with the addresses %j nothing is run',
    async (addresses) => {
      const executed: (readonly string[])[] = [];
      // `as`: the provider's text, which the API server would refuse.
      const fake = new FakeKubectl(vm('web', { status: { addresses: addresses as never } }));
      expect(await vps(fake, 'ssh web', { executed })).toMatchObject({
        code: 1,
        stderr: 'Error: web has no address yet. Show why with: kubectl vps status web -n default\n',
      });
      expect(executed).toEqual([]);
    },
  );

  test('a failed remote command is a failure', async () => {
    expect(await vps(new FakeKubectl(vm('web')), 'ssh web -- false', { executeCode: 1 })).toMatchObject({ code: 1 });
  });
});

const secret = (password: string, id = '1001') => ({
  metadata: { annotations: { 'vps247.com/machine-id': id } },
  data: { password: Buffer.from(password).toString('base64') },
});
const withSecret = (): FakeKubectl =>
  new FakeKubectl(
    vm('web', {
      // What the spec says is not what the operator wrote.
      spec: { initialPasswordSecret: { name: 'vps247-credentials' } },
      status: { initialPasswordSecret: { name: 'web-initial-password' } },
    }),
  );

describe('password', () => {
  test('is that of the Secret that the operator recorded', async () => {
    const fake = withSecret();
    fake.secrets = { 'web-initial-password': secret('pass word'), 'vps247-credentials': secret('wrong') };
    expect(await vps(fake, 'password web')).toEqual({ code: 0, stdout: 'pass word\n', stderr: '' });
    expect(fake.calls.filter((args) => args.includes('vps247-credentials'))).toEqual([]);
  });

  test('of an earlier VM comes with a warning', async () => {
    const fake = withSecret();
    fake.secrets = { 'web-initial-password': secret('old', '900') };
    expect((await vps(fake, 'password web')).stderr).toBe(
      'Warning: this is the password of an earlier VM (900); web has VM 1001 now.\n',
    );
  });

  test.each([
    [secret('\u001b[2J'), 'The password has control characters'],
    [{ metadata: {}, data: {} }, 'The Secret web-initial-password has no entry "password".'],
  ])('%j is refused', async (stored, message) => {
    const fake = withSecret();
    fake.secrets = { 'web-initial-password': stored };
    const { code, stdout, stderr } = await vps(fake, 'password web');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(message);
  });

  test('that was never written', async () => {
    const fake = new FakeKubectl(vm('web'));
    expect((await vps(fake, 'password web')).stderr).toMatch(/^Error: The operator has written no password for web\./);
    expect(fake.calls.filter((args) => args.includes('secret'))).toEqual([]);
  });
});

const fleet = (): FakeKubectl =>
  new FakeKubectl(
    vm('web'),
    vm('db', { metadata: { namespace: 'shop' }, status: { addresses: [{ version: 4, address: '198.18.0.2' }] } }),
    vm('new', { status: { addresses: [], conditions: [condition('Ready', 'False', 'Creating')] } }),
  );

describe('inventory', () => {
  test('for ssh', async () => {
    expect(await vps(fleet(), 'inventory -o ssh-config -A')).toEqual({
      code: 0,
      stdout: `Host web.default
  HostName 198.18.0.1
  User root
Host db.shop
  HostName 198.18.0.2
  User root
`,
      stderr: 'Note: default/new has no address and is left out.\n',
    });
  });

  test('for Ansible', async () => {
    expect((await vps(fleet(), 'inventory -o ansible --login admin')).stdout).toBe(`all:
  hosts:
    "web":
      ansible_host: "198.18.0.1"
      ansible_user: "admin"
      vps247_namespace: "default"
      vps247_id: 1001
      vps247_region: "Amsterdam 1"
      vps247_package: "Standard"
      vps247_os_template: "Debian 13 x64"
`);
    expect((await vps(new FakeKubectl(), 'inventory -o ansible')).stdout).toBe('all:\n  hosts: {}\n');
  });
});
