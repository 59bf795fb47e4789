import type { Catalog } from './catalog.ts';
import type { CreateRequest } from './machine.ts';

/** What is wrong with the body of a create: the field and a sentence. */
export interface CreateRequestProblem {
  readonly field: string;
  readonly sentence: string;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads and validates the body of a create (parsed JSON, undefined if it wasn't JSON). The caller checks that the name
 * is unique.
 */
export function readCreateRequest(body: unknown, catalog: Catalog): CreateRequest | CreateRequestProblem {
  if (!isObject(body)) return problem('body', 'must be a JSON object');
  const { name } = body;
  if (typeof name !== 'string' || name.trim() === '') return problem('name', "can't be blank");
  if (name.length > 255) return problem('name', 'is too long');

  const osTemplateId = readId(body['os_template_id']);
  const regionId = readId(body['region_id']);
  const packageId = readId(body['package_id']);
  const template = catalog.osTemplates.find(({ id }) => id === osTemplateId);
  const region = catalog.regions.find(({ id }) => id === regionId);
  const entry = catalog.packages.find(({ id }) => id === packageId);
  if (template === undefined) return missing('os_template_id', body);
  if (region === undefined) return missing('region_id', body);
  if (entry === undefined) return missing('package_id', body);
  if (!region.packageIds.includes(entry.id)) return problem('package_id', 'is not available in this region');
  if (!entry.osTemplateIds.includes(template.id)) return problem('os_template_id', 'does not fit this package');

  const hasIpv6 = body['has_ipv6'] ?? false;
  const hasPrivateNetworking = body['has_private_networking'] ?? false;
  if (typeof hasIpv6 !== 'boolean') return problem('has_ipv6', 'must be true or false');
  if (typeof hasPrivateNetworking !== 'boolean') return problem('has_private_networking', 'must be true or false');
  const keys = body['ssh_key_ids'] ?? [];
  if (!Array.isArray(keys) || !keys.every((key) => readId(key) !== undefined)) {
    return problem('ssh_key_ids', 'must be a list of ids');
  }
  return { name, regionId: region.id, packageId: entry.id, osTemplateId: template.id, hasIpv6, hasPrivateNetworking };
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readId(value: unknown): number | undefined {
  const id = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof id === 'number' && Number.isSafeInteger(id) && id > 0 ? id : undefined;
}

function missing(field: string, body: Fields): CreateRequestProblem {
  return problem(field, (body[field] ?? null) === null ? "can't be blank" : 'is invalid');
}

function problem(field: string, complaint: string): CreateRequestProblem {
  return { field, sentence: `${field} ${complaint}` };
}
