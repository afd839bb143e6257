import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { DiptychError } from '../../../shared/errors.ts';

export interface LoraFile {
  bytes: Uint8Array;
  /** The text of PEFT's `adapter_config.json` beside it, where there is one. */
  config: string | undefined;
}

/** @throws DiptychError `usage` for a file that cannot be read */
export async function readLoraFile(file: string): Promise<LoraFile> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new DiptychError('usage', `${file} cannot be read`, { file }, { cause });
  });
  const config = await readFile(path.join(path.dirname(file), 'adapter_config.json'), 'utf8').catch(() => undefined);
  return { bytes, config };
}
