import { expect } from 'vitest';
import type { Fields } from './target.ts';

/** What documented fields look like. Ids are whole numbers, or their digits. */
const id = expect.toSatisfy((value) => /^[1-9]\d{0,15}$/.test(String(value)), 'is an id');
const ids = expect.toSatisfy(
  (value) => Array.isArray(value) && value.every((entry) => /^[1-9]\d{0,15}$/.test(String(entry))),
  'is a list of ids',
);
const text = expect.stringMatching(/./);
const time = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/);
const amount = expect.toSatisfy((value) => typeof value === 'number' && value >= 0, 'is an amount');
const price = expect.toSatisfy((value) => value === null || /^\d+(\.\d+)?$/.test(String(value)), 'is a price or null');
const state = expect.stringMatching(
  /^(pending|starting|running|halting|halted|provisioning|shutting down|stopping|stopped|off)$/i,
);

export const machineShape: Fields = {
  id,
  name: text,
  hostname: text,
  state,
  created_at: time,
  updated_at: time,
  owner_id: id,
  region_id: id,
  region_name: text,
  package_id: id,
  package_name: text,
  os_template_id: id,
  os_template_name: text,
  last_task: expect.objectContaining({ id, name: text, status: text }),
  unbilled_hours: amount,
  transfer: amount,
  virtual_machine_disk_ids: ids,
};

export const regionShape: Fields = { id, name: text, country_code: text, package_ids: ids };

export const packageShape: Fields = {
  id,
  name: text,
  memory: amount,
  disk_space: amount,
  cpu_cores: amount,
  bandwidth: amount,
  ipv4_addresses: amount,
  ipv6_addresses: amount,
  price_hour_eur: price,
  price_hour_gbp: price,
  price_hour_usd: price,
  price_month_eur: price,
  price_month_gbp: price,
  price_month_usd: price,
  os_template_ids: ids,
};

export const osTemplateShape: Fields = {
  id,
  name: text,
  os_type: expect.stringMatching(/^(linux|windows)$/),
  min_size: expect.toSatisfy((value) => value === null || Number.isSafeInteger(value), 'is a size or null'),
  description: expect.any(String),
};

/** The addresses of a machine, in either shape. */
export function addressesOf(machine: Fields): readonly unknown[] {
  const entries = [machine['ip_allocations'], machine['ip_assignments']].flatMap((list) =>
    Array.isArray(list) ? list : [],
  );
  return entries.map((entry: Fields) => entry['first'] ?? entry['ip_address']);
}
