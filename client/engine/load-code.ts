import { asDiptychError } from '../../shared/errors.ts';

/**
 * A part of the engine's own code that most runs do without, from a dynamic import.
 *
 * @throws `download_failed` where it does not arrive
 */
export async function loadCode<T>(code: Promise<T>): Promise<T> {
  try {
    return await code;
  } catch (thrown) {
    throw asDiptychError(thrown, 'download_failed');
  }
}
