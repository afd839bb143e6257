import { proxy, wrap } from 'comlink';
import { DiptychError } from '../../shared/errors.ts';
import type { EngineApi } from '../../shared/protocol.ts';
import { carryErrors } from './error-transfer.ts';
import { type WorkerConfig, workerAddress } from './worker-config.ts';

export interface ConnectOptions extends WorkerConfig {
  /** The built `worker.ts`, on the page's own origin. */
  workerUrl: string | URL;
}

export interface EngineConnection extends EngineApi {
  /** Ends the worker. Calls in progress reject with `engine_died`. */
  terminate(): void;
}

/** Starts an engine in a module Web Worker. Every call rejects with `engine_died` once the worker has stopped, which comlink alone never notices. */
export function connectEngine({ workerUrl, ...config }: ConnectOptions): EngineConnection {
  carryErrors();
  const worker = new Worker(workerAddress(workerUrl, config), { type: 'module', name: 'diptych-engine' });
  const remote = wrap<EngineApi>(worker);
  const death = Promise.withResolvers<never>();
  // A worker that dies while nobody waits is reported by the next call.
  death.promise.catch(() => undefined);
  const die = (reason: string) => {
    death.reject(new DiptychError('engine_died', `The background worker stopped: ${reason}. Reload the page to go on.`));
    worker.terminate();
  };
  worker.addEventListener('error', (event) => die(event.message || 'its script did not load'));
  worker.addEventListener('messageerror', () => die('a message could not be read'));
  const alive = <T>(call: Promise<T>): Promise<T> => Promise.race([call, death.promise]);
  return {
    start: (options) => alive(remote.start(options)),
    missing: (blobs) => alive(remote.missing(blobs)),
    generate: (request, onEvent) => alive(remote.generate(request, proxy(onEvent))),
    cancel: () => alive(remote.cancel()),
    terminate: () => die('it was ended'),
  };
}
