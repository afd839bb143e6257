import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Store } from '../../../models-manifest/cli/store.ts';
import { expect } from 'vitest';
import { asDiptychError } from '../../../shared/errors.ts';

export interface Refusal {
  code: string;
  message: string;
  /** The store's catalogue is, to the byte, as it was. */
  catalogueKept: boolean;
}

/** What `attempt` was refused with; a code of `accepted` where it was not. */
export async function refusalOf(attempt: (store: Store) => Promise<unknown>, store: Store): Promise<Refusal> {
  const manifest = path.join(store.root, 'manifest.json');
  const before = await readFile(manifest, 'utf8');
  const outcome = await attempt(store).then(() => ({ code: 'accepted', message: '' }), asDiptychError);
  return { code: outcome.code, message: outcome.message, catalogueKept: (await readFile(manifest, 'utf8')) === before };
}

/** What `refusalOf` must give. */
export const refused = (code: string, message: RegExp): unknown => ({ code, message: expect.stringMatching(message), catalogueKept: true });
