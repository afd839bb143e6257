import * as v from 'valibot';
import { asDiptychError, DiptychError } from '../../../shared/errors.ts';
import { Manifest } from '../../../shared/manifest.ts';
import { problemOf } from '../../engine/weights/problem.ts';

/**
 * The catalogue that this site may use.
 *
 * @throws the edge's own codes, `download_failed` when it cannot be reached, `manifest_invalid`
 */
export async function fetchCatalogue(site: string, fetcher: typeof fetch): Promise<Manifest> {
  const address = `/v1/manifest?site=${encodeURIComponent(site)}`;
  const response = await fetcher(address).catch((thrown: unknown) => {
    throw asDiptychError(thrown, 'download_failed');
  });
  if (!response.ok) throw await problemOf(response);
  const read = v.safeParse(Manifest, await response.json().catch(() => undefined));
  if (read.success) return read.output;
  const [issue] = read.issues;
  throw new DiptychError('manifest_invalid', `${address}: ${v.getDotPath(issue) ?? 'the catalogue'}: ${issue.message}`);
}
