import type { BlobRef } from '../../../shared/manifest.ts';
import type { BlobCache } from './blob-cache.ts';

const FOLDER = 'diptych-blobs';
const PARTIAL = '.partial';

/** Not in the DOM's types yet (https://fs.spec.whatwg.org/#dom-filesystemhandle-move); every browser with sync access handles has it. */
type MovableFile = FileSystemFileHandle & { move(name: string): Promise<void> };

/**
 * Files in the origin private file system, by SHA-256. Dedicated workers only: it writes through sync access handles, the one way that every
 * browser has. A file gets its name only when all of it is written, so that a crash never leaves half a file under a good name.
 */
export class OpfsCache implements BlobCache {
  readonly #folder: FileSystemDirectoryHandle;

  private constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder;
  }

  /** @throws whatever the browser says where there is no such file system (private windows). */
  static async open(): Promise<OpfsCache> {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle(FOLDER, { create: true });
    await removePartials(folder);
    return new OpfsCache(folder);
  }

  async has(ref: BlobRef): Promise<boolean> {
    return (await this.#file(ref))?.size === ref.bytes;
  }

  async get(ref: BlobRef): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const file = await this.#file(ref);
    return file && new Uint8Array(await file.arrayBuffer());
  }

  async put(ref: BlobRef, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const name = `${ref.sha256}.${crypto.randomUUID()}${PARTIAL}`;
    try {
      const handle = (await this.#folder.getFileHandle(name, { create: true })) as MovableFile;
      const access = await handle.createSyncAccessHandle();
      try {
        access.write(bytes, { at: 0 });
        access.flush();
      } finally {
        access.close();
      }
      await handle.move(ref.sha256);
    } catch (thrown) {
      await this.#folder.removeEntry(name).catch(() => undefined);
      if (!(thrown instanceof DOMException && thrown.name === 'QuotaExceededError')) throw thrown;
    }
  }

  async remove(ref: BlobRef): Promise<void> {
    await this.#folder.removeEntry(ref.sha256).catch(ignoreMissing);
  }

  async #file(ref: BlobRef): Promise<File | undefined> {
    const handle = await this.#folder.getFileHandle(ref.sha256).catch(ignoreMissing);
    return handle?.getFile();
  }
}

/** What a crashed or closed tab left behind. A file that another tab is writing right now is locked and stays. */
async function removePartials(folder: FileSystemDirectoryHandle): Promise<void> {
  const names: string[] = [];
  for await (const name of folder.keys()) if (name.endsWith(PARTIAL)) names.push(name);
  for (const name of names) await folder.removeEntry(name).catch(() => undefined);
}

function ignoreMissing(thrown: unknown): undefined {
  if (thrown instanceof DOMException && thrown.name === 'NotFoundError') return undefined;
  throw thrown;
}
