/** The engine's Web Worker: wiring only. */
import { expose, transfer } from 'comlink';
import type { EngineApi } from '../../shared/protocol.ts';
import { Engine } from './engine.ts';
import { carryErrors } from './error-transfer.ts';
import { openWebRuntime } from './sessions/web.ts';
import { HttpBlobs } from './weights/http-blobs.ts';
import { openCache } from './weights/open-cache.ts';
import { readWorkerConfig } from './worker-config.ts';

const { site, edge, ortPath } = readWorkerConfig(self.location.href);
const engine = new Engine({
  openRuntime: (backend) => openWebRuntime({ backend, ortPath }),
  openBlobs: async () => new HttpBlobs({ edge, site, cache: await openCache() }),
});
const api: EngineApi = {
  start: (options) => engine.start(options),
  missing: (blobs) => engine.missing(blobs),
  cancel: () => engine.cancel(),
  async generate(request, onEvent) {
    const result = await engine.generate(request, onEvent);
    return transfer(result, [result.image.data.buffer]);
  },
};
carryErrors();
expose(api);
