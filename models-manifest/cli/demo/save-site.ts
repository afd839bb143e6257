import { openLocalPlatform } from '../publish/local-platform.ts';

export interface LocalSite {
  /** Its id, and its key too: `pk_...`. */
  id: string;
  name: string;
  origins: string[];
}

const SAVE_SITE = 'INSERT INTO sites (id, name, origins) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET name = ?2, origins = ?3';
const SAVE_KEY = 'INSERT INTO site_keys (key, site) VALUES (?1, ?1) ON CONFLICT (key) DO NOTHING';

/**
 * Writes a site into the database of this machine before an edge runs there, whatever it was before. What an operator does goes through the
 * admin API, which checks and audits it: `diptych site`.
 *
 * @param state the folder that `wrangler dev` keeps its state in
 */
export async function saveSite({ id, name, origins }: LocalSite, state: string): Promise<void> {
  const { bindings, close } = await openLocalPlatform(state);
  try {
    const { DB } = bindings;
    await DB.batch([DB.prepare(SAVE_SITE).bind(id, name, JSON.stringify(origins)), DB.prepare(SAVE_KEY).bind(id)]);
  } finally {
    await close();
  }
}
