import { readFile } from 'node:fs/promises';
import { DiptychError } from '../../../shared/errors.ts';

/** What `wrangler dev` gives the edge on this machine, in the folder that it is started in. */
const DEV_VARS = '.dev.vars';

/**
 * The token to administer `edge` with: out of the file, or `DIPTYCH_ADMIN_TOKEN`, or for an edge on this machine out of `.dev.vars`. Never out of
 * an argument, which every user of the machine can read in its list of processes. Undefined where there is none.
 *
 * @throws `usage` when the file holds none
 */
export async function adminToken(edge: URL, file: string | undefined): Promise<string | undefined> {
  if (file !== undefined) {
    const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
      throw new DiptychError('usage', `--token-file ${file} cannot be read`, { file }, { cause: thrown });
    });
    const token = tokenOf(text);
    if (token !== undefined) return token;
    throw new DiptychError('usage', `--token-file ${file} holds no token: one line, the token alone or name:token`, { file });
  }
  const set = tokenOf(process.env.DIPTYCH_ADMIN_TOKEN ?? '');
  if (set !== undefined || !isLoopback(edge)) return set;
  const vars = await readFile(DEV_VARS, 'utf8').catch(() => '');
  return tokenOf(/^\s*ADMIN_TOKEN\s*=\s*["']?([^"'\r\n]*)/m.exec(vars)?.[1] ?? '');
}

/** Whether it is on this machine, where nobody listens in. */
export const isLoopback = ({ hostname }: URL): boolean => hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';

/** The first token of a secret as `ADMIN_TOKEN` has it, without its name. */
function tokenOf(secret: string): string | undefined {
  const token = secret.split(',')[0]!.split(':').at(-1)!.trim();
  return /^[\x21-\x7e]+$/.test(token) ? token : undefined;
}
