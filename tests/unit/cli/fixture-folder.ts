import { cp } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));

export const SD15 = path.join(FIXTURES, 'sd15-tiny');
export const SD3 = path.join(FIXTURES, 'sd3-tiny');
export const SDXL = path.join(FIXTURES, 'sdxl-tiny');

/** A copy of a fixture folder, to be tampered with. */
export async function copyOf(fixture: string, folder: string): Promise<string> {
  await cp(fixture, folder, { recursive: true });
  return folder;
}
