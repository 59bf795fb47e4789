import type { CatalogSelector, VirtualMachineSpec } from '../api/v1alpha1/types.ts';
import type { OsTemplate, Package, Region } from '../domain/machine.ts';
import { byNearness } from '../domain/nearest-names.ts';
import { quoted } from '../domain/text.ts';
import type { StatusReason } from './action.ts';
import type { CatalogObservation } from './observed.ts';

/** The ids that a create call needs, or why the spec can't be resolved. */
export type Resolution =
  | { readonly ok: true; readonly regionId: number; readonly packageId: number; readonly osTemplateId: number }
  | { readonly ok: false; readonly statusReason: StatusReason };

/** A spec that says what to create. */
type CreatableSpec = VirtualMachineSpec & Readonly<Record<'region' | 'package' | 'osTemplate', CatalogSelector>>;

/** False only for objects that adopt or observe a VM. */
export function isCreatable(spec: VirtualMachineSpec): spec is CreatableSpec {
  return spec.region !== undefined && spec.package !== undefined && spec.osTemplate !== undefined;
}

interface Entry {
  readonly id: number;
  readonly name?: string;
}

const maxNamesInMessage = 12;
const maxNearest = 3;

/**
 * Resolves region, package and template once, for a create. Worked table:
 *
 * | spec    | list there | result                                                      |
 * | ------- | ---------- | ----------------------------------------------------------- |
 * | id      | yes, has   | the id                                                      |
 * | id      | yes, lacks | UnknownCatalogName: a POST would only be refused            |
 * | id      | no (404)   | the id, unchecked                                           |
 * | name    | one match  | its id                                                      |
 * | name    | two match  | UnknownCatalogName: a guess would bill the wrong thing      |
 * | name    | none       | UnknownCatalogName with the names there are, nearest first  |
 * | name    | no (404)   | UnknownCatalogName: the message asks for ids                |
 * | package not in region, template not in package | CombinationNotOffered, if the lists show that  |
 */
export function resolve(spec: CreatableSpec, catalog: CatalogObservation & { readonly kind: 'Read' }): Resolution {
  const region = pick<Region>('region', spec.region, catalog.regions);
  if (!region.ok) return region;
  const pack = pick<Package>('package', spec.package, catalog.packages);
  if (!pack.ok) return pack;
  const template = pick<OsTemplate>('osTemplate', spec.osTemplate, catalog.osTemplates);
  if (!template.ok) return template;

  const inRegion = region.entry?.packageIds;
  if (inRegion !== undefined && !inRegion.includes(pack.id)) {
    const message = `package ${describe(pack)} is not offered in region ${describe(region)}`;
    return notOffered(
      `${message}; offered there: ${offered(catalog.packages, inRegion)}. Fix spec.package or spec.region.`,
    );
  }
  const onPackage = pack.entry?.osTemplateIds;
  if (onPackage !== undefined && !onPackage.includes(template.id)) {
    const message = `osTemplate ${describe(template)} is not offered with package ${describe(pack)}`;
    return notOffered(
      `${message}; offered with it: ${offered(catalog.osTemplates, onPackage)}. Fix spec.osTemplate or spec.package.`,
    );
  }
  return { ok: true, regionId: region.id, packageId: pack.id, osTemplateId: template.id };
}

type Pick<T> =
  | { readonly ok: true; readonly id: number; readonly entry: T | undefined }
  | { readonly ok: false; readonly statusReason: StatusReason };

function pick<T extends Entry>(field: string, selector: CatalogSelector, list: readonly T[] | undefined): Pick<T> {
  if ('id' in selector) {
    if (list === undefined) return { ok: true, id: selector.id, entry: undefined };
    const entry = list.find((candidate) => candidate.id === selector.id);
    return entry === undefined
      ? unknownName(`${field} ${selector.id} not found; valid: ${names(list)}. Fix spec.${field}.id.`)
      : { ok: true, id: entry.id, entry };
  }
  if (list === undefined) {
    return unknownName(
      `spec.${field}.name: the provider does not list its ${field}s, so give the id instead of the name`,
    );
  }
  const matches = list.filter((candidate) => candidate.name === selector.name);
  const [entry] = matches;
  if (entry === undefined) {
    const choices = choicesFor(selector.name, list);
    return unknownName(`${field} ${quoted(selector.name)} not found; ${choices}. Fix spec.${field}.name.`);
  }
  if (matches.length > 1) {
    const ids = matches.map((match) => match.id).join(', ');
    return unknownName(
      `spec.${field}.name: ${quoted(selector.name)} names several (ids ${ids}), so give the id instead`,
    );
  }
  return { ok: true, id: entry.id, entry };
}

/** The nearest names first and separately: in a long list, a single different letter is hard to find. */
function choicesFor(name: string, list: readonly Entry[]): string {
  const sorted = byNearness(name, list, (entry) => entry.name ?? '');
  if (sorted.length <= maxNearest) return `valid: ${names(sorted)}`;
  const others = names(sorted.slice(maxNearest), maxNamesInMessage - maxNearest);
  return `nearest: ${names(sorted.slice(0, maxNearest))}; also valid: ${others}`;
}

function offered(list: readonly Entry[] | undefined, ids: readonly number[]): string {
  return names(ids.map((id) => list?.find((entry) => entry.id === id) ?? { id }));
}

function names(list: readonly Entry[], most = maxNamesInMessage): string {
  if (list.length === 0) return 'none';
  const shown = list.slice(0, most).map((entry) => describe({ id: entry.id, entry }));
  return list.length > shown.length ? `${shown.join(', ')} and ${list.length - shown.length} more` : shown.join(', ');
}

function describe(choice: { readonly id: number; readonly entry: Entry | undefined }): string {
  const name = choice.entry?.name;
  return name === undefined ? `${choice.id}` : `${quoted(name)} (${choice.id})`;
}

function unknownName(message: string): { ok: false; statusReason: StatusReason } {
  return { ok: false, statusReason: { reason: 'UnknownCatalogName', message } };
}

function notOffered(message: string): { ok: false; statusReason: StatusReason } {
  return { ok: false, statusReason: { reason: 'CombinationNotOffered', message } };
}
