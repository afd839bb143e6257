import { LOCAL_STATE, openLocalPlatform } from './local-platform.ts';
import type { PublishTarget } from './target.ts';

/** The bucket of `wrangler dev` on this machine. */
export async function openLocalTarget(state = LOCAL_STATE): Promise<PublishTarget> {
  const { bindings, close } = await openLocalPlatform(state);
  return {
    name: 'the local store of wrangler dev',
    has: async (key, bytes) => (await bindings.WEIGHTS.head(key))?.size === bytes,
    put: async (key, bytes, contentType) => void (await bindings.WEIGHTS.put(key, bytes, { httpMetadata: { contentType } })),
    close,
  };
}
