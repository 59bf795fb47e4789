import { describe, expect, test } from 'vitest';
import { order, visit } from './visitor.ts';

describe('accounts', () => {
  test('keys of one account see the same VMs, and those of another account none of them', () => {
    const { call, running } = visit();
    const id = running();
    expect(call('GET', '/virtual_machines', undefined, { key: 'ours-too' }).text).toContain(`"id":${id}`);
    expect(call('GET', '/virtual_machines', undefined, { key: 'theirs' }).text).toBe('[]');
  });

  test.each([
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/start'],
    ['POST', '/stop'],
    ['POST', '/restart'],
    ['POST', '/kill'],
  ])('%s …%s of a VM of another account is a 404 without an effect', (method, action) => {
    const { call, running, advance, state, emulator } = visit();
    const id = running();
    const effects = emulator.ledger.effects.length;
    expect(call(method, `/virtual_machines/${id}${action}`, undefined, { key: 'theirs' }).status).toBe(404);
    advance(10_000);
    expect(state(id)).toBe('running');
    expect(emulator.ledger.effects).toHaveLength(effects);
  });

  test('names are unique within an account only', () => {
    const { call, running } = visit();
    running('web');
    expect(call('POST', '/virtual_machines', { ...order, name: 'web' }, { key: 'theirs' }).status).toBe(201);
    expect(call('POST', '/virtual_machines', { ...order, name: 'web' }, { key: 'ours-too' }).status).toBe(400);
  });

  test('a key can be revoked and replaced', () => {
    const { call, emulator } = visit();
    emulator.accounts.revokeKey('ours');
    expect(call('GET', '/virtual_machines').status).toBe(401);
    emulator.accounts.addKey(2, 'ours');
    expect(call('GET', '/virtual_machines').status).toBe(200);
  });

  test('an unknown key has no effect', () => {
    const { call, emulator } = visit();
    expect(call('POST', '/virtual_machines', { ...order, name: 'web' }, { key: 'unknown' }).status).toBe(401);
    expect(emulator.ledger.effects).toEqual([]);
  });
});

describe('the body of a create', () => {
  test.each<[string, unknown, string]>([
    ['no JSON', 'name=web', 'body'],
    ['no object', [], 'body'],
    ['no name', { ...order }, 'name'],
    ['a blank name', { ...order, name: ' ' }, 'name'],
    ['a name of another type than text', { ...order, name: 7 }, 'name'],
    ['no template', { ...order, name: 'web', os_template_id: undefined }, 'os_template_id'],
    ['no region', { ...order, name: 'web', region_id: null }, 'region_id'],
    ['an unknown package', { ...order, name: 'web', package_id: 99 }, 'package_id'],
    ['a package that the region lacks', { ...order, name: 'web', region_id: 3, package_id: 3 }, 'package_id'],
    ['a template that the package cannot run', { ...order, name: 'web', os_template_id: 3 }, 'os_template_id'],
    ['a text for a truth value', { ...order, name: 'web', has_ipv6: 'yes' }, 'has_ipv6'],
    ['keys of another type than a list', { ...order, name: 'web', ssh_key_ids: 'mine' }, 'ssh_key_ids'],
  ])('with %s is a 400 that names the field, and creates nothing', (_what, body, field) => {
    const { call, emulator } = visit({ switches: { errorBody: 'errors-map' } });
    const reply = call('POST', '/virtual_machines', body);
    expect(reply.status).toBe(400);
    expect(Object.keys(reply.body['errors'] ?? {})).toEqual([field]);
    expect(emulator.machines()).toEqual([]);
  });
});
