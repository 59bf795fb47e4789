import { quoted } from '../domain/text.ts';
import type { StatusReason } from './action.ts';
import type { Observed } from './observed.ts';

/** Appended to the message that the VM matches the spec: a part of the spec, or a result of it, that doesn't apply. */
export function withNotes(o: Observed, statusReason: StatusReason | undefined): StatusReason | undefined {
  if (statusReason?.reason !== 'Available') return statusReason;
  return { ...statusReason, message: [statusReason.message, ...outdatedPassword(o), ...unusedAdoption(o)].join('; ') };
}

/** A user who waits for Ready reads the Secret next. */
function outdatedPassword({ history }: Observed): readonly string[] {
  const { outdatedPasswordSecret: secret } = history;
  return secret === undefined ? [] : [`Secret ${quoted(secret)} holds the password of an earlier VM`];
}

/** Also after an adopted VM was recreated: the new one has another id and name. */
function unusedAdoption({ identity, object: { spec } }: Observed): readonly string[] {
  const { id, name } = spec.adoption;
  if (identity.kind !== 'Known') return [];
  if ((id ?? identity.id) === identity.id && (name ?? identity.name) === identity.name) return [];
  const other = id === undefined ? quoted(name ?? '') : `${id}`;
  return [
    `spec.adoption names VM ${other}, which isn't adopted, because this object already has VM ${identity.id}; to adopt it, create another object`,
  ];
}
