/** A worker that dies while it makes a picture, for the test of what the page then hears. */
import { expose } from 'comlink';
import { carryErrors } from '../../../client/engine/error-transfer.ts';
import { DiptychError } from '../../../shared/errors.ts';

carryErrors();
expose({
  start: async () => {
    throw new DiptychError('webgpu_unavailable', 'no adapter here', { tried: ['high-performance', 2] });
  },
  missing: async () => {
    throw new TypeError('not one of ours');
  },
  generate: () =>
    new Promise(() => {
      setTimeout(() => {
        throw new Error('out of memory');
      }, 50);
    }),
});
