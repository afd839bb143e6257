import { json, refusals, SITE_CODES } from './answers.ts';
import type { Paths } from './operation.ts';
import { header, ifNoneMatch, site } from './parameters.ts';

export const manifestPaths: Paths = {
  '/v1/manifest': {
    get: {
      summary: 'The catalogue of models and LoRAs',
      description: 'Its form is `Manifest` in shared/manifest.ts.',
      tags: ['Studio'],
      parameters: [site, header('Origin', 'If sent, it must be one of the site’s allowed origins.'), ifNoneMatch],
      responses: {
        200: {
          description: 'The catalogue.',
          headers: { ETag: { schema: { type: 'string' } } },
          content: json({ type: 'object', required: ['version', 'models', 'loras'] }),
        },
        304: { description: 'It has not changed.' },
        ...refusals([...SITE_CODES, 'origin_not_allowed', 'catalogue_missing', 'manifest_invalid']),
      },
    },
  },
};
