import type { CatalogueSelector, VirtualMachineSpec } from '../api/v1alpha1/types.ts';
import type { OsTemplate, Package, Region } from '../model/machine.ts';
import type { Verdict } from './action.ts';
import type { CatalogueObservation } from './observed.ts';

/** The ids a create call needs, or what keeps the spec from having them. */
export type Resolution =
  | { readonly ok: true; readonly regionId: number; readonly packageId: number; readonly osTemplateId: number }
  | { readonly ok: false; readonly verdict: Verdict };

interface Entry {
  readonly id: number;
  readonly name?: string;
}

const maxNamesInMessage = 12;

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
 * | name    | none       | UnknownCatalogName with the names there are                 |
 * | name    | no (404)   | UnknownCatalogName: say that ids are needed                 |
 * | package not in region, template not in package | InvalidSpec, when the lists say so            |
 */
export function resolve(
  spec: VirtualMachineSpec,
  catalogue: CatalogueObservation & { readonly kind: 'Read' },
): Resolution {
  const region = pick<Region>('region', spec.region, catalogue.regions);
  if (!region.ok) return region;
  const pack = pick<Package>('package', spec.package, catalogue.packages);
  if (!pack.ok) return pack;
  const template = pick<OsTemplate>('osTemplate', spec.osTemplate, catalogue.osTemplates);
  if (!template.ok) return template;

  const inRegion = region.entry?.packageIds;
  if (inRegion !== undefined && !inRegion.includes(pack.id)) {
    return invalid(`spec.package: package ${describe(pack)} is not offered in region ${describe(region)}`);
  }
  const onPackage = pack.entry?.osTemplateIds;
  if (onPackage !== undefined && !onPackage.includes(template.id)) {
    return invalid(`spec.osTemplate: template ${describe(template)} is not offered on package ${describe(pack)}`);
  }
  return { ok: true, regionId: region.id, packageId: pack.id, osTemplateId: template.id };
}

type Pick<T> =
  | { readonly ok: true; readonly id: number; readonly entry: T | undefined }
  | { readonly ok: false; readonly verdict: Verdict };

function pick<T extends Entry>(field: string, selector: CatalogueSelector, list: readonly T[] | undefined): Pick<T> {
  if ('id' in selector) {
    if (list === undefined) return { ok: true, id: selector.id, entry: undefined };
    const entry = list.find((candidate) => candidate.id === selector.id);
    return entry === undefined
      ? unknownName(`spec.${field}.id: the provider has no ${field} with id ${selector.id}; it has ${names(list)}`)
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
    return unknownName(`spec.${field}.name: the provider has no ${field} "${selector.name}"; it has ${names(list)}`);
  }
  if (matches.length > 1) {
    const ids = matches.map((match) => match.id).join(', ');
    return unknownName(`spec.${field}.name: "${selector.name}" names several (ids ${ids}), so give the id instead`);
  }
  return { ok: true, id: entry.id, entry };
}

function names(list: readonly Entry[]): string {
  if (list.length === 0) return 'none';
  const shown = list.slice(0, maxNamesInMessage).map((entry) => describe({ id: entry.id, entry }));
  return list.length > shown.length ? `${shown.join(', ')} and ${list.length - shown.length} more` : shown.join(', ');
}

function describe(choice: { readonly id: number; readonly entry: Entry | undefined }): string {
  const name = choice.entry?.name;
  return name === undefined ? `${choice.id}` : `"${name}" (${choice.id})`;
}

function unknownName(message: string): { ok: false; verdict: Verdict } {
  return { ok: false, verdict: { reason: 'UnknownCatalogName', message } };
}

function invalid(message: string): { ok: false; verdict: Verdict } {
  return { ok: false, verdict: { reason: 'InvalidSpec', message } };
}
