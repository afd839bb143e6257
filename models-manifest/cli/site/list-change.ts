import { DiptychError } from '../../../shared/errors.ts';

/** How a list of a site is to change; `all` means no list, where there can be none. */
export interface ListOptions {
  set?: string[];
  add?: string[];
  remove?: string[];
  all?: boolean;
}

/** Whether anything is to change, or the list is only asked for. */
export const changesList = ({ set, add, remove, all }: ListOptions): boolean =>
  [set, add, remove, all].some((option) => option !== undefined);

/**
 * The list that these options make of the one that is there (null: everything is allowed).
 *
 * @throws `usage` for options that exclude each other, or what is not there to be removed
 */
export function changedList(before: readonly string[] | null, { set, add = [], remove = [], all }: ListOptions): string[] | null {
  if ((set || all) && (add.length > 0 || remove.length > 0 || (set && all)))
    throw new DiptychError('usage', '--set, --all, and --add with --remove exclude each other');
  if (all) return null;
  if (set) return set;
  if (!before) throw new DiptychError('usage', 'everything is allowed, so there is no list to add to or remove from; start one with --set');
  const absent = remove.filter((text) => !before.includes(text));
  if (absent.length > 0)
    throw new DiptychError('usage', `${absent.join(', ')} is not in the list; it has ${before.join(', ') || 'nothing'}`, { absent });
  return [...before.filter((text) => !remove.includes(text)), ...add];
}
